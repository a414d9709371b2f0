// The echo server: sends every byte back to the client it came from, in the I/O model that it is
// compiled for (`--use MODEL=3`: model.ts has the numbers). It opens and connects to nothing, and
// serves the sockets that it was handed.
import { serveModel } from "./model";
import { Protocol } from "./serve";

serveModel(new Protocol("echo", "", "", -1));
