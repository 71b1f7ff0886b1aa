"""What Casa costs and gives, each figure beside a reference measured in the same run."""
