import "./engines/all.mjs";

import * as engine from "./engines/webkit.mjs";
import { runAll } from "./engines/scene.mjs";

runAll(engine);
