/** The page that watches. */

import "./key.js";
import { drawDrift } from "./drift.js";
import { watch } from "./panel.js";
import { drawService } from "./service.js";

watch("service", "/monitoring", drawService);
watch("drift", "/drift", drawDrift);
