// What the SDK says of clocks, streams, arguments, chance, texts and queues, and of what is wrong:
// a line "ok ..." or "not ok ..." each. It is run with two arguments and some input, and a listener
// where nobody comes.
import { Queue, Text } from "../../wasm/as/sdk/bytes";
import { MILLISECOND_NS, now, SECOND_NS, sleep, wallClock } from "../../wasm/as/sdk/clock";
import { EAGAIN, EBADF, ENOTSOCK } from "../../wasm/as/sdk/errno";
import { Poll } from "../../wasm/as/sdk/poll";
import { args, exit, random, yieldProcessor } from "../../wasm/as/sdk/process";
import { accept, close, CONNECTION, kindOf, LISTENER } from "../../wasm/as/sdk/socket";
import { nextSocket, OTHER, recv, send, setNonblocking } from "../../wasm/as/sdk/socket";
import { log, print, read, STDERR, STDIN, STDOUT, writeAll } from "../../wasm/as/sdk/stdio";

const CLOSED: i32 = 99;
const buffer: usize = memory.data(64);

let failed = 0;

function check(what: string, holds: bool): void {
  if (!holds) failed++;
  print((holds ? "ok " : "not ok ") + what + "\n");
}

function said(text: Text): string {
  return String.UTF8.decodeUnsafe(text.start, text.length);
}

function clocks(): void {
  const before = now();
  check("sleep answers 0", sleep(20 * MILLISECOND_NS) == 0);
  check("now has gone on by as much", now() - before >= 20 * MILLISECOND_NS);
  check("sleep of less than nothing returns", sleep(-1) == 0);
  check("wallClock is later than 2020", wallClock() > 1_577_836_800 * SECOND_NS);
  check("yieldProcessor answers 0", yieldProcessor() == 0);
}

function process(): void {
  const list = args();
  check("args are three", list.length == 3);
  check("args come in order, as UTF-8", list[1] == "one" && list[2] == "zwei, märchen");
  check("random answers 0", random(buffer, 64) == 0);
  let sum = 0;
  for (let i = 0; i < 64; i++) sum += load<u8>(buffer + i);
  check("random fills", sum > 0);
  check("random of memory that there is not is refused", random(0xfffffff0, 64) < 0);
}

function streams(): void {
  check("read of stdin", read(STDIN, buffer, 64) == 5 && load<u8>(buffer) == 104);
  check("read at its end", read(STDIN, buffer, 64) == 0);
  check("read of what is closed", read(CLOSED, buffer, 64) == -EBADF);
  check("writeAll of what is closed", writeAll(CLOSED, buffer, 64) == -EBADF);
  check("print of what is closed", print("x", CLOSED) == -EBADF);
  // Pieces of 256 units: the two halves of a character are at 255 and 256.
  print("x".repeat(255) + "🦋" + "y".repeat(300) + "\n", STDERR);
  log("a sentence");
}

function sockets(): void {
  const listener = nextSocket();
  check("nextSocket finds the listener", listener == 3 && kindOf(listener) == LISTENER);
  check("nextSocket finds no more", nextSocket(listener) == -1);
  check("kindOf a stream is OTHER, not CONNECTION", kindOf(STDOUT) == OTHER && OTHER != CONNECTION);
  check("kindOf what is closed", kindOf(CLOSED) == -EBADF);
  check("setNonblocking", setNonblocking(listener) == 0 && setNonblocking(CLOSED) == -EBADF);
  check("accept of nobody", accept(listener) == -EAGAIN);
  check("recv and send of what is closed", recv(CLOSED, buffer, 1) == -EBADF);
  check("send to no socket", send(STDOUT, buffer, 1) == -ENOTSOCK);
  const poll = new Poll(0);
  check("a poll for nothing runs out of time", poll.wait(MILLISECOND_NS) == 0);
  poll.read(listener, 7);
  check("a poll for nobody does too", poll.wait(MILLISECOND_NS) == 0 && poll.wait(0) == 0);
  for (let i = 0; i < 200; i++) poll.write(STDOUT, i);
  poll.read(CLOSED, 1 << 40);
  check("a poll tells of all that is ready, and not of the time", poll.wait(SECOND_NS) == 201);
  let wrong = -1;
  let sum: u64 = 0;
  for (let i = 0; i < 201; i++) {
    if (poll.errno(i) != 0) wrong = i;
    else if (poll.isWrite(i)) sum += poll.userdata(i);
  }
  check("what is wrong is an event", wrong >= 0 && poll.errno(wrong) == EBADF);
  check("it is the one that it is of", poll.userdata(wrong) == 1 << 40 && !poll.isWrite(wrong));
  check("the others are each themselves", sum == 199 * 100);
  poll.clear();
  check("a cleared poll is empty", poll.length == 0 && poll.wait(0) == 0);
  check("close, once", close(listener) == 0 && close(listener) == -EBADF);
}

function texts(): void {
  const text = new Text(32);
  text.string("ä ").number(0).string(" ").number(4294967295);
  check("a text of strings and numbers", said(text) == "ä 0 4294967295");
  text.clear().string("a string that surely does not fit");
  check("a string that does not fit is left out", text.length == 0);
  text.string("0123456789").bytes(text.start, 10).bytes(text.start, 20);
  check("of bytes the first ones are taken", text.length == 32);
}

function queues(): void {
  const queue = new Queue(10);
  const letters = new Text(10).string("abc");
  check("a queue takes what fits", queue.append(letters.start, 3) && queue.room == 7);
  memory.fill(buffer, 120, 64);
  check("it takes nothing of the rest", !queue.append(buffer, 8) && queue.length == 3);
  queue.drop(2);
  check("it makes room at its front", queue.append(buffer, 9) && queue.room == 0);
  check("the order stays", load<u8>(queue.start) == 99 && load<u8>(queue.start + 1) == 120);
  queue.drop(10);
  check("it is empty at last", queue.length == 0 && queue.room == 10);
  memory.copy(queue.reserve(), letters.start, 3);
  queue.commit(3);
  check("it can be filled in place", queue.length == 3 && load<u8>(queue.start + 2) == 99);
}

clocks();
process();
streams();
sockets();
texts();
queues();
exit(failed);
