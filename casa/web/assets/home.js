/** The page that prices a house. */

import "./key.js";
import "./table.js";
import { watchHouse } from "./form.js";
import { showPrice } from "./price.js";
import { showSnippets } from "./snippets.js";

watchHouse((house) => {
  showSnippets(house);
  showPrice(house);
});
