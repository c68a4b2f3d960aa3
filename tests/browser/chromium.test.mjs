import "./engines/all.mjs";

import * as engine from "./engines/chromium.mjs";
import { runAll } from "./engines/scene.mjs";

runAll(engine);
