/** Scripts of streams and of operations in flight: sections 4 to 6 of the table in SIMULATOR.md. */
import type { ScriptCase } from './play.js';

const CONNECTION = `
  a: connect
  accept 4 NONBLOCK -> 5`;

const streams: ScriptCase[] = [
  {
    name: '4.1: a stream brings all bytes in order, in both directions',
    script: `
      a: connect
      accept 4 0 -> 5
      a: send 90000
      drain 5 90000
      a: send 1
      a: send 3000
      drain 5 3001
      send 5 100000 -> 100000
      a: drain 100000
      send 5 1 -> 1
      send 5 4097 -> 4097
      a: drain 4098`,
  },
  {
    name: '4.1: the two directions know nothing of each other',
    script: `
      ${CONNECTION}
      fill 5 32768 -> filled
      a: send back
      until 5 IN -> IN
      recv 5 10 0 -> back
      a: drain`,
  },
  {
    name: '4.2: where nobody listens any more a connection is refused',
    script: `
      a: connect
      accept 4 NONBLOCK -> 5
      close 4
      b: connect -> ECONNREFUSED
      a: send on
      until 5 IN -> IN|OUT
      recv 5 10 0 -> on`,
  },
  {
    name: '4.3: a client is connected and sends although nobody has accepted it',
    script: `
      a: connect
      a: send early
      b: connect
      b: send later
      accept 4 NONBLOCK -> 5
      until 5 IN -> IN|OUT
      recv 5 10 0 -> early
      accept 4 NONBLOCK -> 6
      until 6 IN -> IN|OUT
      recv 6 10 0 -> later`,
  },
  {
    name: '4.4: an end comes behind all that was sent before it',
    script: `
      ${CONNECTION}
      fill 5 32768 -> filled
      shut 5 WR
      a: drain
      a: end -> end`,
  },
  {
    name: '4.4: what was sent before a close comes although nobody is there any more',
    script: `
      ${CONNECTION}
      fill 5 32768 -> filled
      close 5
      a: drain
      a: end -> end`,
  },
  {
    name: '4.4: a half-closed connection goes on for as long as it likes',
    script: `
      ${CONNECTION}
      shut 5 WR
      a: end -> end
      sleep 300
      a: send on
      until 5 IN -> IN|OUT
      recv 5 10 0 -> on
      sleep 300
      a: send and-on
      until 5 IN -> IN|OUT
      recv 5 10 0 -> and-on
      a: shut
      until 5 HUP -> IN|OUT|RDHUP|HUP`,
  },
  {
    name: '4.4: an accepted connection is as its accept says, not as its listener is',
    script: `
      fdstat 4 -> type 6 flags 4
      a: connect
      accept 4 0 -> 5
      fdstat 5 -> type 6 flags 0
      b: connect
      accept 4 NONBLOCK -> 6
      fdstat 6 -> type 6 flags 4
      flags 4 0
      c: connect
      accept 4 NONBLOCK -> 7
      fdstat 7 -> type 6 flags 4
      fdstat 4 -> type 6 flags 0`,
  },
  {
    name: '4.5: a connection is accepted although its client has gone',
    script: `
      a: connect
      a: send last-words
      a: close
      accept 4 NONBLOCK -> 5
      until 5 RDHUP -> IN|OUT|RDHUP
      recv 5 20 0 -> last-words
      recv 5 20 0 -> end`,
  },
  {
    name: '4.5: without a descriptor left an accept is EMFILE, and the connection waits',
    maxDescriptors: 6,
    script: `
      a: connect
      b: connect
      accept 4 NONBLOCK -> 5
      accept 4 NONBLOCK -> EMFILE
      accept 4 NONBLOCK -> EMFILE
      close 5
      a: end -> end
      accept 4 NONBLOCK -> 5
      b: send x
      sleep 60
      recv 5 1 0 -> x`,
  },
  {
    name: '4.6: nothing is sent, and nothing received, by a call of no bytes',
    script: `
      ${CONNECTION}
      send 5 0 -> 0
      write 5 0 -> 0
      recv 5 0 0 -> end
      read 5 0 -> end
      a: send x
      until 5 IN -> IN|OUT
      recv 5 0 0 -> end
      recv 5 10 0 -> x
      recv 5 10 0 -> EAGAIN`,
  },
  {
    name: '4.6: what is no socket has no connection, and a listener receives nothing',
    script: `
      recv 0 1 0 -> ENOTSOCK
      send 1 x -> ENOTSOCK
      shut 1 WR -> ENOTSOCK
      accept 1 0 -> ENOTSOCK
      recv 4 1 0 -> ENOTCONN
      send 4 x -> ENOTCAPABLE
      a: connect
      accept 4 0 -> 5
      accept 5 0 -> EINVAL
      shut 5 0 -> EINVAL
      recv 77 1 0 -> EBADF`,
  },
  {
    name: '4.6: a blocking receive with WAITALL is whole, and one without takes what is there',
    script: `
      a: connect
      accept 4 0 -> 5
      a: send abc
      until 5 IN -> IN|OUT
      recv 5 10 0 -> abc
      a: send abcdef
      recv 5 6 WAITALL -> abcdef
      a: send xy
      a: shut
      recv 5 6 WAITALL -> xy
      recv 5 6 WAITALL -> end`,
  },
];

const operations: ScriptCase[] = [
  {
    name: '6.1: a receive in flight waits for data, non-blocking or not, and may be short',
    script: `
      ${CONNECTION}
      op RECV 5 3 0 0 1
      submit -> 1
      reap 0 0 -> []
      a: send hello
      reap 1 1000 -> [1: hel]
      op RECV 5 100 0 0 2
      submit -> 1
      reap 1 1000 -> [2: lo]
      reap 0 0 -> []`,
  },
  {
    name: '6.2: of two receives in flight each gets something',
    script: `
      ${CONNECTION}
      op RECV 5 1 0 0 1
      op RECV 5 1 0 0 2
      submit -> 2
      a: send ab
      reap 2 1000 -> [1: a, 2: b]`,
  },
  {
    name: '6.3: operations complete when they are done, not as they were submitted',
    script: `
      op TIMEOUT 0 0 50000000 0 1
      op TIMEOUT 0 0 0 0 2
      submit -> 2
      reap 2 1000 -> [2: ETIMEDOUT, 1: ETIMEDOUT]`,
  },
  {
    name: '6.3: what is cancelled completes, and so does what cancels it',
    script: `
      ${CONNECTION}
      op RECV 5 10 0 0 1
      op TIMEOUT 0 0 2000000000 0 2
      op ACCEPT 4 0 0 MULTISHOT 3
      submit -> 3
      reap 0 0 -> []
      op CANCEL 0 0 1 0 4
      submit -> 1
      reap 2 1000 -> [1: ECANCELED, 4: 0]
      op CANCEL 0 0 2 0 5
      submit -> 1
      reap 2 1000 -> [2: ECANCELED, 5: 0]
      op CANCEL 0 0 3 0 6
      submit -> 1
      reap 2 1000 -> [3: ECANCELED, 6: 0]
      op CANCEL 0 0 1 0 7
      submit -> 1
      reap 1 1000 -> [7: ENOENT]`,
  },
  {
    name: '6.4: closing a descriptor cancels nothing that is in flight on it',
    script: `
      ${CONNECTION}
      op RECV 5 10 0 0 1
      submit -> 1
      reap 0 0 -> []
      close 5
      recv 5 1 0 -> EBADF
      a: send on
      reap 1 1000 -> [1: on]
      a: end -> end`,
  },
  {
    name: '6.4: an end is 0, a reset ECONNRESET, and a send to a broken connection an error',
    script: `
      ${CONNECTION}
      b: connect
      accept 4 NONBLOCK -> 6
      op RECV 5 10 0 0 1
      op RECV 6 10 0 0 2
      submit -> 2
      a: shut
      reap 1 1000 -> [1: 0]
      b: reset
      reap 1 1000 -> [2: ECONNRESET]
      op SEND 6 10 0 0 3
      submit -> 1
      reap 1 1000 -> [3: EPIPE]
      op SEND 5 10 0 0 4
      op CLOSE 5 0 0 0 5
      submit -> 2
      reap 2 1000 -> [4: 10, 5: 0]
      a: drain 10
      a: end -> end`,
  },
  {
    name: '6.5: a multishot operation goes on, and its last completion says so',
    script: `
      op ACCEPT 4 0 0 MULTISHOT 1
      submit -> 1
      a: connect
      reap 1 1000 -> [1: 5 more]
      b: connect
      reap 1 1000 -> [1: 6 more]
      op RECV 5 0 0 MULTISHOT 2
      submit -> 1
      a: send hello
      reap 1 1000 -> [2: hello more]
      a: send again
      reap 1 1000 -> [2: again more]
      a: shut
      reap 1 1000 -> [2: 0]
      op RECV 5 0 0 MULTISHOT 3
      submit -> 1
      reap 1 1000 -> [3: 0]`,
  },
  {
    name: '6.6: more completions than there is room for are not lost',
    script: `
      op TIMEOUT 0 0 0 0 1 2000
      submit -> 2000
      sleep 50
      reap 2000 1000 -> [2000 of them]
      reap 0 0 -> []`,
  },
  {
    name: '6.6: an operation that is wrong in itself completes with that',
    script: `
      ${CONNECTION}
      op 99 5 0 0 0 1
      submit -> 1
      reap 1 1000 -> [1: EINVAL]
      op RECV 77 0 0 0 2
      submit -> 1
      reap 1 1000 -> [2: EBADF]
      op RECV 0 0 0 0 3
      submit -> 1
      reap 1 1000 -> [3: ENOTSOCK]
      op ACCEPT 5 0 0 0 4
      submit -> 1
      reap 1 1000 -> [4: EINVAL]
      op SEND 4 1 0 0 5
      submit -> 1
      reap 1 1000 -> [5: ENOTCAPABLE]`,
  },
];

export const streamCases: readonly ScriptCase[] = [...streams, ...operations];
