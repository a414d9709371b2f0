// The server that responds: greets every client with `ok`, and answers every message with the
// message followed by `response`, in the I/O model that it is compiled for. A message is what one
// receive brings. For the rest it is the echo server.
import { SECOND_NS } from "./sdk/clock";
import { serveModel } from "./model";
import { Protocol } from "./serve";

serveModel(new Protocol("response", "ok", "response", SECOND_NS));
