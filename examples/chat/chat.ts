// A chat over TCP in AssemblyScript: each line that a client sends goes to all the others, with the
// client's number before it. It opens nothing itself, and talks at the listeners it was handed.
//
//     node wasm/build.mjs examples/chat/chat.ts chat.wasm
//     npx pollux run --listen 127.0.0.1:7000 chat.wasm
//     nc 127.0.0.1 7000                                      (in as many windows as you like)
//
// Nobody waits for a slow reader: one who owes us the reading of QUEUE_BYTES is disconnected. A
// line of more than LINE_BYTES goes out as several, and an empty line not at all.
import { MILLISECOND_NS } from "../../wasm/as/sdk/clock";
import { Queue, Text } from "../../wasm/as/sdk/bytes";
import { EAGAIN, EMFILE, ENFILE, ENOBUFS, ENOMEM } from "../../wasm/as/sdk/errno";
import { Poll } from "../../wasm/as/sdk/poll";
import { exit } from "../../wasm/as/sdk/process";
import { accept, close, kindOf, LISTENER } from "../../wasm/as/sdk/socket";
import { nextSocket, recv, send, setNonblocking } from "../../wasm/as/sdk/socket";
import { log } from "../../wasm/as/sdk/stdio";

const LINE_BYTES: i32 = 1024;
const QUEUE_BYTES: i32 = 65536;
/** How long nobody is accepted when the guest is out of descriptors. */
const PAUSE_NS: i64 = 100 * MILLISECOND_NS;
/** Marks a listener in the userdata of an event; without it, it is a client's place in the list. */
const LISTENS: u64 = 1 << 32;

const NEWLINE: u8 = 10;
const RETURN: u8 = 13;

class Client {
  /** What has come of its next line. */
  line: Text = new Text(LINE_BYTES);
  /** What it is still to be sent. */
  queue: Queue = new Queue(QUEUE_BYTES);
  gone: bool = false;

  constructor(
    readonly fd: i32,
    readonly number: u32,
  ) {}

  tell(text: Text): void {
    if (!this.queue.append(text.start, text.length)) this.gone = true;
  }

  flush(): void {
    while (this.queue.length > 0) {
      const sent = send(this.fd, this.queue.start, this.queue.length);
      if (sent < 0) {
        if (sent != -EAGAIN) this.gone = true;
        return;
      }
      this.queue.drop(sent);
    }
  }
}

const listeners: i32[] = [];
const clients: Client[] = [];
const poll = new Poll();
const input: usize = memory.data(16384);
const message = new Text(LINE_BYTES + 64);
let newest: u32 = 0;
let paused: bool = false;

/** Tells everybody but `client` what `message` says. */
function tellOthers(client: Client): void {
  for (let i = 0; i < clients.length; i++) {
    if (clients[i] != client && !clients[i].gone) clients[i].tell(message);
  }
}

function endLine(client: Client): void {
  const line = client.line;
  if (line.length == 0) return;
  message.clear().number(client.number).string(": ").bytes(line.start, line.length).string("\n");
  tellOthers(client);
  line.clear();
}

function hear(client: Client): void {
  const received = recv(client.fd, input, 16384);
  if (received == -EAGAIN) return;
  if (received <= 0) {
    endLine(client);
    client.gone = true;
    return;
  }
  for (let at = input; at < input + received; at++) {
    const byte = load<u8>(at);
    if (byte == NEWLINE) {
      endLine(client);
    } else if (byte != RETURN) {
      client.line.bytes(at, 1);
      if (client.line.length == LINE_BYTES) endLine(client);
    }
  }
}

function welcome(listener: i32): void {
  const fd = accept(listener);
  if (fd < 0) {
    paused = fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM;
    return;
  }
  const client = new Client(fd, ++newest);
  clients.push(client);
  client.tell(message.clear().string("* you are ").number(client.number).string("\n"));
  message.clear().string("* ").number(client.number).string(" has joined\n");
  tellOthers(client);
}

/** Sends what is owed, and parts with those who are gone, which is owed to the others then. */
function settle(): void {
  for (let i = 0; i < clients.length;) {
    const client = clients[i];
    if (!client.gone) client.flush();
    if (!client.gone) {
      i++;
      continue;
    }
    clients[i] = clients[clients.length - 1];
    clients.pop();
    close(client.fd);
    message.clear().string("* ").number(client.number).string(" has left\n");
    tellOthers(client);
    i = 0;
  }
}

function turn(): void {
  poll.clear();
  if (!paused) {
    for (let i = 0; i < listeners.length; i++) poll.read(listeners[i], LISTENS | i);
  }
  for (let i = 0; i < clients.length; i++) {
    poll.read(clients[i].fd, i);
    if (clients[i].queue.length > 0) poll.write(clients[i].fd, i);
  }
  const ready = poll.wait(paused ? PAUSE_NS : -1);
  paused = false;
  for (let i = 0; i < ready; i++) {
    const userdata = poll.userdata(i);
    if ((userdata & LISTENS) != 0) {
      welcome(listeners[<i32>userdata]);
    } else if (!poll.isWrite(i)) {
      hear(clients[<i32>userdata]);
    }
  }
  settle();
}

for (let fd = nextSocket(); fd >= 0; fd = nextSocket(fd)) {
  if (kindOf(fd) == LISTENER && setNonblocking(fd) == 0) listeners.push(fd);
}
if (listeners.length == 0) {
  log("chat: no listening socket was handed over, so there is nobody to talk to.");
  exit(2);
}
for (;;) turn();
