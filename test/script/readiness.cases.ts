/** Scripts of what sockets and pipes are ready for: section 1 of the table in SIMULATOR.md. */
import { pollerNames } from '#host/kernel/readiness';

import type { ScriptCase } from './play.js';

const CONNECTION = `
  a: connect
  accept 4 NONBLOCK -> 5`;

/** A connection whose peer has reset it, behind `data`. */
const RESET = `
  ${CONNECTION}
  a: send data
  until 5 IN -> IN|OUT
  send 5 unread -> 6
  a: ready
  a: close
  until 5 ERR -> IN|OUT|RDHUP|HUP|ERR`;

const listeners: ScriptCase[] = [
  {
    name: '1.2: a listener is ready as long as a connection waits at it',
    pollers: pollerNames,
    script: `
      until 4 0 -> 0
      poll 0 4r -> []
      accept 4 NONBLOCK -> EAGAIN
      a: connect
      until 4 IN -> IN
      poll 0 4r 4r -> [4r:0 4r:0]
      accept 4 NONBLOCK -> 5
      until 4 0 -> 0
      poll 0 4r -> []`,
  },
  {
    name: '1.3: a guest has no right to shut its listener down',
    script: `
      shut 4 RD -> ENOTCAPABLE
      until 4 0 -> 0
      a: connect
      accept 4 0 -> 5`,
  },
  {
    name: '1.18: a listener that is closed resets whoever waits at it',
    script: `
      a: connect
      b: connect
      b: shut
      until 4 IN -> IN
      close 4
      a: recv 1 -> ECONNRESET
      a: end -> end
      b: recv 1 -> ECONNRESET`,
  },
  {
    name: '1.19: a connection that was reset while it waited is accepted, and tells so once',
    script: `
      a: connect
      until 4 IN -> IN
      a: reset
      accept 4 NONBLOCK -> 5
      until 5 ERR -> IN|OUT|RDHUP|HUP|ERR
      recv 5 10 0 -> ECONNRESET
      recv 5 10 0 -> end
      until 5 0 -> IN|OUT|RDHUP|HUP`,
  },
];

const connections: ScriptCase[] = [
  {
    name: '1.5: a connection that was made is ready for OUT',
    connected: true,
    pollers: pollerNames,
    script: `
      a: accept
      until 5 0 -> OUT
      poll 0 5r 5w -> [5w]
      fdstat 5 -> type 6 flags 4
      send 5 hello -> 5
      a: recv 5 -> hello`,
  },
  {
    name: '1.8: data makes a connection ready for IN until it is read',
    pollers: pollerNames,
    script: `
      ${CONNECTION}
      until 5 0 -> OUT
      poll 0 5r 5w -> [5w]
      recv 5 10 0 -> EAGAIN
      a: send hello
      until 5 IN -> IN|OUT
      poll 0 5r 5w -> [5r:5 5w]
      recv 5 3 PEEK -> hel
      recv 5 3 0 -> hel
      until 5 0 -> IN|OUT
      poll 0 5r -> [5r:2]
      recv 5 10 0 -> lo
      until 5 0 -> OUT
      read 5 10 -> EAGAIN`,
  },
  {
    name: '1.9: a full buffer is not ready for OUT when its first byte is freed',
    pollers: pollerNames,
    script: `
      ${CONNECTION}
      fill 5 32768 -> filled
      until 5 0 -> 0
      poll 0 5w -> []
      send 5 x -> EAGAIN
      a: drain 1
      sleep 60
      until 5 0 -> 0
      poll 0 5w -> []
      a: drain
      until 5 OUT -> OUT
      poll 0 5w -> [5w]`,
  },
  ...['shut', 'close'].map((verb) => ({
    name: `1.10: a peer that has sent its end (${verb}) leaves IN and RDHUP, drained or not`,
    pollers: pollerNames,
    script: `
      ${CONNECTION}
      a: send bye
      a: ${verb}
      until 5 RDHUP -> IN|OUT|RDHUP
      recv 5 10 0 -> bye
      until 5 0 -> IN|OUT|RDHUP
      poll 0 5r 5w -> [5r:0^ 5w]
      recv 5 10 0 -> end
      until 5 0 -> IN|OUT|RDHUP
      recv 5 10 0 -> end`,
  })),
  {
    name: '1.10: behind the end of its peer a connection still sends',
    script: `
      ${CONNECTION}
      a: shut
      until 5 RDHUP -> IN|OUT|RDHUP
      send 5 still-here -> 10
      a: recv 10 -> still-here`,
  },
  {
    name: '1.11: a connection that has sent its end is ready for OUT, and sends no more',
    script: `
      ${CONNECTION}
      shut 5 WR
      until 5 0 -> OUT
      a: end -> end
      until 5 0 -> OUT
      send 5 x -> EPIPE
      send 5 0 -> EPIPE
      recv 5 1 0 -> EAGAIN
      a: send on
      until 5 IN -> IN|OUT
      recv 5 10 0 -> on`,
  },
  {
    name: '1.12: a reading half that was shut down is at its end, but reads what comes later',
    script: `
      ${CONNECTION}
      shut 5 RD
      until 5 0 -> IN|OUT|RDHUP
      recv 5 10 0 -> end
      a: send late
      sleep 50
      until 5 0 -> IN|OUT|RDHUP
      recv 5 10 0 -> late
      recv 5 10 0 -> end
      send 5 x -> 1
      a: recv 1 -> x`,
  },
  {
    name: '1.13: both directions closed, its own first, is a hang-up',
    script: `
      ${CONNECTION}
      shut 5 WR
      a: end -> end
      a: shut
      until 5 HUP -> IN|OUT|RDHUP|HUP
      recv 5 10 0 -> end
      send 5 x -> EPIPE
      shut 5 WR -> ENOTCONN`,
  },
  {
    name: "1.13: both directions closed, its peer's first, is a hang-up",
    script: `
      ${CONNECTION}
      a: shut
      until 5 RDHUP -> IN|OUT|RDHUP
      shut 5 WR
      until 5 HUP -> IN|OUT|RDHUP|HUP
      recv 5 10 0 -> end
      send 5 x -> EPIPE`,
  },
  {
    name: '1.13: both halves closed at once are a hang-up',
    script: `
      ${CONNECTION}
      shut 5 RD|WR
      until 5 HUP -> IN|OUT|RDHUP|HUP
      a: end -> end
      a: shut
      until 5 0 -> IN|OUT|RDHUP|HUP`,
  },
];

const resets: ScriptCase[] = [
  {
    name: '1.14: what came before a reset is read first, then one ECONNRESET, then the end',
    pollers: pollerNames,
    script: `
      ${RESET}
      poll 0 5w -> [5w]
      recv 5 2 0 -> da
      recv 5 10 0 -> ta
      recv 5 10 0 -> ECONNRESET
      recv 5 10 0 -> end
      until 5 0 -> IN|OUT|RDHUP|HUP
      poll 0 5r 5w -> [5r:0^ 5w]
      send 5 x -> EPIPE`,
  },
  {
    name: '1.14: a reset by SO_LINGER is one too',
    script: `
      ${CONNECTION}
      a: reset
      until 5 ERR -> IN|OUT|RDHUP|HUP|ERR
      recv 5 10 0 -> ECONNRESET
      recv 5 10 0 -> end`,
  },
  {
    name: '1.15: a send to a reset connection is ECONNRESET once, and its data is still read',
    script: `
      ${RESET}
      send 5 x -> ECONNRESET
      send 5 x -> EPIPE
      until 5 0 -> IN|OUT|RDHUP|HUP
      recv 5 10 0 -> data
      recv 5 10 0 -> end`,
  },
  {
    name: '1.16: closing over unread data is a reset, and over none is an end',
    script: `
      ${CONNECTION}
      b: connect
      accept 4 NONBLOCK -> 6
      a: send unread
      until 5 IN -> IN|OUT
      close 5
      close 6
      a: recv 1 -> ECONNRESET
      a: end -> end
      b: end -> end`,
  },
  {
    name: '1.17: a peer that has closed resets what is sent to it, and that is EPIPE',
    script: `
      ${CONNECTION}
      a: close
      until 5 RDHUP -> IN|OUT|RDHUP
      send 5 x -> 1
      until 5 ERR -> IN|OUT|RDHUP|HUP|ERR
      recv 5 10 0 -> end
      recv 5 10 0 -> end
      send 5 x -> EPIPE
      until 5 0 -> IN|OUT|RDHUP|HUP
      send 5 x -> EPIPE`,
  },
];

const pipes: ScriptCase[] = [
  {
    name: '1.23: a pipe is ready for IN with data, and hangs up when its writer has closed',
    pollers: pollerNames,
    script: `
      until 0 0 -> 0
      poll 0 0r -> []
      in: send data
      until 0 IN -> IN
      poll 0 0r -> [0r:4]
      read 0 10 -> data
      in: send more
      in: close
      until 0 HUP -> IN|HUP
      read 0 2 -> mo
      until 0 0 -> IN|HUP
      read 0 10 -> re
      until 0 0 -> HUP
      poll 0 0r -> [0r:0^]
      read 0 10 -> end
      read 0 10 -> end`,
  },
  {
    name: '1.24: a pipe whose reader has closed is an error',
    pollers: pollerNames,
    script: `
      until 1 0 -> OUT
      poll 0 1w -> [1w]
      out: close
      until 1 ERR -> OUT|ERR
      poll 0 1w -> [1w]
      write 1 x -> EPIPE
      write 1 0 -> 0`,
  },
  {
    name: '1.24: a full pipe whose reader has closed is an error',
    pollers: pollerNames,
    script: `
      fill 1 4096 OUT -> filled
      until 1 0 -> 0
      poll 0 1w -> []
      out: close
      until 1 ERR -> ERR
      poll 0 1w -> [1w]
      write 1 x -> EPIPE`,
  },
  {
    name: '1.25: a full pipe is ready for OUT only when a whole slot is free',
    pollers: pollerNames,
    script: `
      fill 1 4096 OUT -> filled
      until 1 0 -> 0
      out: drain 4095
      until 1 0 -> 0
      poll 0 1w -> []
      out: drain 1
      until 1 OUT -> OUT
      poll 0 1w -> [1w]
      write 1 1 -> 1
      until 1 0 -> 0`,
  },
  {
    name: '1.25: a blocking write waits for room, and is whole',
    script: `
      write 1 60000 -> 60000
      out: drain 60000
      write 1 60000 -> 60000
      out: drain 60000`,
  },
];

const polls: ScriptCase[] = [
  {
    name: '1.27: a descriptor that is not open is an event of its own, and the others are told',
    pollers: pollerNames,
    script: `
      poll 0 77r 77w 1w -> [77r:EBADF 77w:EBADF 1w]
      poll 0 77r -> [77r:EBADF]`,
  },
  {
    name: '1.28: a descriptor that was closed since the last poll is one that is not open',
    pollers: pollerNames,
    script: `
      ${CONNECTION}
      poll 0 5w 1w -> [5w 1w]
      close 5
      poll 0 5w 1w -> [5w:EBADF 1w]
      b: connect
      accept 4 NONBLOCK -> 5
      poll 0 5w 5r 1w -> [5w 1w]`,
  },
];

export const readinessCases: readonly ScriptCase[] = [
  ...listeners,
  ...connections,
  ...resets,
  ...pipes,
  ...polls,
];
