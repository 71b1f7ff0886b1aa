"""The pages: plain HTML, CSS and ES modules, and the parts of them that are made here."""
