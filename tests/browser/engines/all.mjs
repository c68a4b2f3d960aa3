// The tests of every engine.

import "./tests/console.mjs";
import "./tests/cookies.mjs";
import "./tests/warning.mjs";
import "./tests/end.mjs";
import "./tests/pending.mjs";
import "./tests/history.mjs";
import "./tests/windows.mjs";
import "./tests/whose.mjs";
import "./tests/frames.mjs";
import "./tests/editor.mjs";
import "./tests/bridge.mjs";
import "./tests/hidden.mjs";
import "./tests/sleep.mjs";
import "./tests/policy.mjs";
import "./tests/areas.mjs";
import "./tests/axe.mjs";
