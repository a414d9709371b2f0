// Passes its own fault point as often as its argument says, and exits with how often something went
// wrong there; it refuses to do any I/O.
import { maybe } from "../../wasm/as/sdk/fault";
import { args, exit } from "../../wasm/as/sdk/process";

let wrong = 0;
for (let i = <i32>parseInt(args()[1]); i > 0; i--) wrong += i32(maybe("here"));
exit(wrong);
