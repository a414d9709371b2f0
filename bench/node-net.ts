// The echo server of `node:net`, one of the servers under test: data -> write, with back-pressure,
// half-close echoed. `--pipe` serves with `socket.pipe(socket)` instead: measured side by side it
// was equal to 10 % slower.
import { createServer, type AddressInfo, type Socket } from 'node:net';

function echo(socket: Socket): void {
  socket.on('data', (bytes) => {
    if (!socket.write(bytes)) socket.pause();
  });
  socket.on('drain', () => socket.resume());
  socket.on('end', () => socket.end());
}

const usesPipe = process.argv.includes('--pipe');
const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => socket.destroy()); // a reset of one client disturbs no other
  if (usesPipe) socket.pipe(socket);
  else echo(socket);
});
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  console.log(`listening on 127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.on('SIGTERM', () => process.exit(0));
