import "./engines/all.mjs";

import * as engine from "./engines/firefox.mjs";
import { runAll } from "./engines/scene.mjs";

runAll(engine);
