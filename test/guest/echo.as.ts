// An echo server that asks WASI preview1 for everything itself; it refuses to use a standard
// library, or any other module. The listener is descriptor 3. A client that is owed bytes is not
// read from until it has taken them.

@external("wasi_snapshot_preview1", "poll_oneoff")
declare function poll_oneoff(subscriptions: usize, events: usize, count: usize, ready: usize): i32;
@external("wasi_snapshot_preview1", "sock_accept")
declare function sock_accept(fd: i32, flags: i32, accepted: usize): i32;
@external("wasi_snapshot_preview1", "sock_recv")
declare function sock_recv(
  fd: i32,
  iovs: usize,
  count: usize,
  flags: i32,
  length: usize,
  outFlags: usize,
): i32;
@external("wasi_snapshot_preview1", "sock_send")
declare function sock_send(fd: i32, iovs: usize, count: usize, flags: i32, length: usize): i32;
@external("wasi_snapshot_preview1", "fd_close")
declare function fd_close(fd: i32): i32;
@external("wasi_snapshot_preview1", "proc_exit")
declare function proc_exit(code: i32): void;

const LISTENER: i32 = 3;
const MOST_CLIENTS: i32 = 1000;
const BUFFER_BYTES: u32 = 4096;

const EAGAIN: i32 = 6;
const FD_READ: u8 = 1;
const FD_WRITE: u8 = 2;
const NONBLOCK: i32 = 4;

// The layouts of the WASI types, in bytes.
const SUBSCRIPTION: usize = 48;
const SUBSCRIPTION_TAG: usize = 8;
const SUBSCRIPTION_FD: usize = 16;
const EVENT: usize = 32;

const subscriptions: usize = heap.alloc(SUBSCRIPTION * (MOST_CLIENTS + 1));
const events: usize = heap.alloc(EVENT * (MOST_CLIENTS + 1));
const buffers: usize = heap.alloc(BUFFER_BYTES * MOST_CLIENTS);
const iovec: usize = heap.alloc(8);
const result: usize = heap.alloc(8);

// Client i has slot i of each; a slot whose descriptor is -1 is free. What is owed lies from sent
// to length.
const descriptors = new StaticArray<i32>(MOST_CLIENTS);
const sent = new StaticArray<u32>(MOST_CLIENTS);
const length = new StaticArray<u32>(MOST_CLIENTS);

function subscribe(index: i32, userdata: i32, type: u8, fd: i32): void {
  const subscription = subscriptions + <usize>index * SUBSCRIPTION;
  store<u64>(subscription, <u64>userdata);
  store<u8>(subscription + SUBSCRIPTION_TAG, type);
  store<i32>(subscription + SUBSCRIPTION_FD, fd);
}

/** Points the one iovec at that part of a client's buffer. */
function point(client: i32, from: u32, to: u32): void {
  store<u32>(iovec, <u32>buffers + <u32>client * BUFFER_BYTES + from);
  store<u32>(iovec + 4, to - from);
}

function closeClient(client: i32): void {
  fd_close(descriptors[client]);
  descriptors[client] = -1;
}

function freeSlot(): i32 {
  for (let client = 0; client < MOST_CLIENTS; client++) {
    if (descriptors[client] < 0) return client;
  }
  return -1;
}

function acceptClient(): void {
  if (sock_accept(LISTENER, NONBLOCK, result) != 0) return;
  const fd = load<i32>(result);
  const client = freeSlot();
  if (client < 0) {
    fd_close(fd);
    return;
  }
  descriptors[client] = fd;
  sent[client] = 0;
  length[client] = 0;
}

function sendClient(client: i32): void {
  point(client, sent[client], length[client]);
  const errno = sock_send(descriptors[client], iovec, 1, 0, result);
  if (errno == 0) {
    sent[client] += load<u32>(result);
  } else if (errno != EAGAIN) {
    closeClient(client);
  }
}

function receiveClient(client: i32): void {
  point(client, 0, BUFFER_BYTES);
  const errno = sock_recv(descriptors[client], iovec, 1, 0, result, result + 4);
  if (errno == EAGAIN) return;
  const received = load<u32>(result);
  if (errno != 0 || received == 0) {
    closeClient(client);
    return;
  }
  sent[client] = 0;
  length[client] = received;
  sendClient(client);
}

function turn(): bool {
  let count = 0;
  subscribe(count++, -1, FD_READ, LISTENER);
  for (let client = 0; client < MOST_CLIENTS; client++) {
    if (descriptors[client] < 0) continue;
    const type = sent[client] < length[client] ? FD_WRITE : FD_READ;
    subscribe(count++, client, type, descriptors[client]);
  }
  if (poll_oneoff(subscriptions, events, count, result) != 0) return false;
  const ready = load<u32>(result);
  for (let i: u32 = 0; i < ready; i++) {
    const client = <i32>load<u64>(events + <usize>i * EVENT);
    if (client < 0) {
      acceptClient();
    } else if (sent[client] < length[client]) {
      sendClient(client);
    } else {
      receiveClient(client);
    }
  }
  return true;
}

// The statements of this file are its _start.
memory.fill(subscriptions, 0, SUBSCRIPTION * (MOST_CLIENTS + 1));
for (let client = 0; client < MOST_CLIENTS; client++) descriptors[client] = -1;
while (turn()) {}
proc_exit(1);
