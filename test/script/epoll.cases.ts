/** Scripts of interest sets and of signals: sections 2 and 3 of the table in SIMULATOR.md. */
import type { ScriptCase } from './play.js';

const CONNECTION = `
  a: connect
  accept 4 NONBLOCK -> 5`;
const THREE = `
  ${CONNECTION}
  b: connect
  accept 4 NONBLOCK -> 6
  c: connect
  accept 4 NONBLOCK -> 7`;
/** A set that watches 5 by edges, and has told of what was there. */
const edgeSet = (mask: string, there: string) => `
  ${CONNECTION}
  epoll -> 6
  ctl 6 ADD 5 ${mask}|ET
  wait 6 8 0 -> [${there}]`;

const control: ScriptCase[] = [
  {
    name: '2.1: what is ready when it is added is told, and a wrong call is an error',
    script: `
      ${CONNECTION}
      a: send x
      until 5 IN -> IN|OUT
      epoll -> 6
      ctl 6 ADD 5 IN
      wait 6 8 0 -> [5 IN]
      wait 6 8 0 -> [5 IN]
      ctl 6 ADD 5 IN -> EEXIST
      ctl 6 MOD 1 IN -> ENOENT
      ctl 6 DEL 1 0 -> ENOENT
      ctl 6 ADD 77 IN -> EBADF
      ctl 77 ADD 5 IN -> EBADF
      ctl 6 ADD 6 IN -> EINVAL
      ctl 5 ADD 1 IN -> EINVAL
      ctl 6 9 5 IN -> EINVAL
      ctl 6 DEL 5 0
      wait 6 8 0 -> []
      ctl 6 DEL 5 0 -> ENOENT`,
  },
  {
    name: '2.1: MOD tells of an edge and of a oneshot again, as long as they are ready',
    script: `
      ${CONNECTION}
      a: send x
      until 5 IN -> IN|OUT
      epoll -> 6
      ctl 6 ADD 5 IN|ET
      wait 6 8 0 -> [5 IN]
      wait 6 8 0 -> []
      ctl 6 MOD 5 IN|ET
      wait 6 8 0 -> [5 IN]
      wait 6 8 0 -> []
      ctl 6 MOD 5 IN|ONESHOT
      wait 6 8 0 -> [5 IN]
      wait 6 8 0 -> []
      ctl 6 MOD 5 OUT|ONESHOT
      wait 6 8 0 -> [5 OUT]
      recv 5 1 0 -> x
      ctl 6 MOD 5 IN|ONESHOT
      wait 6 8 0 -> []
      a: send y
      wait 6 8 1000 -> [5 IN]`,
  },
  {
    name: '2.2: a hang-up and an error are told although nothing was asked for',
    script: `
      ${CONNECTION}
      epoll -> 6
      ctl 6 ADD 5 0
      ctl 6 ADD 0 0
      ctl 6 ADD 1 0
      wait 6 8 0 -> []
      a: send x
      in: close
      out: close
      until 0 HUP -> HUP
      until 1 ERR -> OUT|ERR
      wait 6 8 0 -> [0 HUP, 1 ERR]
      a: reset
      until 5 ERR -> IN|OUT|RDHUP|HUP|ERR
      wait 6 8 0 -> [0 HUP, 1 ERR, 5 HUP|ERR]`,
  },
  {
    name: '2.2: the end of a peer is told as RDHUP only if that was asked for',
    script: `
      ${CONNECTION}
      a: shut
      until 5 RDHUP -> IN|OUT|RDHUP
      epoll -> 6
      ctl 6 ADD 5 IN
      wait 6 8 0 -> [5 IN]
      ctl 6 MOD 5 IN|RDHUP
      wait 6 8 0 -> [5 IN|RDHUP]
      ctl 6 MOD 5 RDHUP
      wait 6 8 0 -> [5 RDHUP]`,
  },
  {
    name: '2.2: a oneshot that was told does not tell of an error either, until MOD',
    script: `
      ${CONNECTION}
      epoll -> 6
      ctl 6 ADD 5 IN|ONESHOT
      a: send data
      until 5 IN -> IN|OUT
      wait 6 8 0 -> [5 IN]
      a: reset
      until 5 ERR -> IN|OUT|RDHUP|HUP|ERR
      wait 6 8 0 -> []
      ctl 6 MOD 5 IN|ONESHOT
      wait 6 8 0 -> [5 IN|HUP|ERR]
      wait 6 8 0 -> []`,
  },
];

const edges: ScriptCase[] = [
  {
    name: '2.3: every arrival is an edge, and a partial read is none',
    script: `
      ${edgeSet('IN', '')}
      a: send abc
      until 5 IN -> IN|OUT
      wait 6 8 0 -> [5 IN]
      wait 6 8 0 -> []
      recv 5 1 0 -> a
      wait 6 8 0 -> []
      a: send d
      wait 6 8 1000 -> [5 IN]
      wait 6 8 0 -> []
      recv 5 10 0 -> bcd
      wait 6 8 0 -> []`,
  },
  {
    name: '2.3: two arrivals before a wait are one edge',
    script: `
      ${edgeSet('IN', '')}
      a: send abc
      until 5 IN -> IN|OUT
      a: send def
      sleep 60
      wait 6 8 0 -> [5 IN]
      wait 6 8 0 -> []
      recv 5 10 0 -> abcdef`,
  },
  {
    name: '2.3: an edge carries the whole mask',
    script: `
      ${edgeSet('IN|OUT', '5 OUT')}
      wait 6 8 0 -> []
      a: send abc
      until 5 IN -> IN|OUT
      wait 6 8 0 -> [5 IN|OUT]
      wait 6 8 0 -> []`,
  },
  {
    name: '2.3: an end is an edge',
    script: `
      ${edgeSet('IN|RDHUP', '')}
      a: shut
      until 5 RDHUP -> IN|OUT|RDHUP
      wait 6 8 0 -> [5 IN|RDHUP]
      wait 6 8 0 -> []
      recv 5 1 0 -> end
      wait 6 8 0 -> []`,
  },
  {
    name: '2.3: data and an end are one edge, and the end has none of its own',
    script: `
      ${edgeSet('IN|OUT|RDHUP', '5 OUT')}
      a: send abc
      a: shut
      until 5 RDHUP -> IN|OUT|RDHUP
      wait 6 8 0 -> [5 IN|OUT|RDHUP]
      recv 5 10 0 -> abc
      recv 5 10 0 -> end
      wait 6 8 0 -> []`,
  },
  {
    name: '2.3: data and a reset are one edge, and the reset has none of its own',
    script: `
      ${edgeSet('IN|RDHUP', '')}
      send 5 unread -> 6
      a: ready
      a: send abc
      a: close
      until 5 ERR -> IN|OUT|RDHUP|HUP|ERR
      wait 6 8 0 -> [5 IN|RDHUP|HUP|ERR]
      recv 5 10 0 -> abc
      recv 5 10 0 -> ECONNRESET
      recv 5 10 0 -> end
      wait 6 8 0 -> []`,
  },
  {
    name: '2.3: its own halves that are shut down are edges',
    script: `
      ${edgeSet('IN|OUT|RDHUP', '5 OUT')}
      shut 5 WR
      a: end -> end
      sleep 60
      wait 6 8 0 -> [5 OUT]
      wait 6 8 0 -> []
      shut 5 RD
      wait 6 8 0 -> [5 IN|OUT|RDHUP|HUP]
      wait 6 8 0 -> []`,
  },
  {
    name: '2.4: an acknowledgement of what never filled the buffer is no edge',
    script: `
      ${edgeSet('OUT', '5 OUT')}
      send 5 hello -> 5
      a: recv 5 -> hello
      sleep 60
      wait 6 8 0 -> []`,
  },
  {
    name: '2.4: a buffer that was full is an edge when a third of it is free',
    script: `
      ${edgeSet('OUT', '5 OUT')}
      fill 5 32768 -> filled
      a: drain 1
      sleep 60
      wait 6 8 0 -> []
      a: drain
      until 5 OUT -> OUT
      wait 6 8 0 -> [5 OUT]
      wait 6 8 0 -> []`,
  },
  {
    name: '2.4: a full pipe is an edge when a slot is freed, and the next slot is none',
    script: `
      fill 1 4096 OUT -> filled
      epoll -> 5
      ctl 5 ADD 1 OUT|ET
      wait 5 8 0 -> []
      out: drain 4096
      until 1 OUT -> OUT
      wait 5 8 0 -> [1 OUT]
      out: drain 4096
      wait 5 8 0 -> []
      write 1 4096 -> 4096
      wait 5 8 0 -> []`,
  },
  {
    name: '2.4: every write to a pipe is an edge, and so is the end of its writer',
    script: `
      epoll -> 5
      ctl 5 ADD 0 IN|ET
      in: send a
      wait 5 8 1000 -> [0 IN]
      wait 5 8 0 -> []
      in: send b
      wait 5 8 1000 -> [0 IN]
      read 0 1 -> a
      wait 5 8 0 -> []
      in: close
      until 0 HUP -> IN|HUP
      wait 5 8 0 -> [0 IN|HUP]
      read 0 1 -> b
      read 0 1 -> end
      wait 5 8 0 -> []`,
  },
];

const listeners: ScriptCase[] = [
  {
    name: '2.5: several connections at a listener are one edge, so that accept must loop',
    script: `
      epoll -> 5
      ctl 5 ADD 4 IN|ET
      wait 5 8 0 -> []
      a: connect
      b: connect
      until 4 IN -> IN
      wait 5 8 0 -> [4 IN]
      wait 5 8 0 -> []
      accept 4 NONBLOCK -> 6
      wait 5 8 0 -> []
      accept 4 NONBLOCK -> 7
      accept 4 NONBLOCK -> EAGAIN
      c: connect
      wait 5 8 1000 -> [4 IN]`,
  },
  {
    name: '2.5: without a descriptor a connection stays queued: levels go on, edges are silent',
    maxDescriptors: 7,
    script: `
      epoll -> 5
      epoll -> 6
      ctl 5 ADD 4 IN
      ctl 6 ADD 4 IN|ET
      a: connect
      until 4 0 -> EMFILE
      wait 5 8 1000 -> [4 IN]
      wait 6 8 1000 -> [4 IN]
      accept 4 NONBLOCK -> EMFILE
      wait 5 8 0 -> [4 IN]
      wait 5 8 0 -> [4 IN]
      wait 6 8 0 -> []
      close 5
      accept 4 NONBLOCK -> 5
      wait 6 8 0 -> []`,
  },
];

const order: ScriptCase[] = [
  {
    name: '2.6: events come in the order in which they arose',
    script: `
      ${THREE}
      epoll -> 8
      ctl 8 ADD 5 IN
      ctl 8 ADD 6 IN
      ctl 8 ADD 7 IN
      c: send x
      until 7 IN -> IN|OUT
      a: send x
      until 5 IN -> IN|OUT
      b: send x
      until 6 IN -> IN|OUT
      wait 8 8 0 -> [7 IN, 5 IN, 6 IN]`,
  },
  {
    name: '2.6: levels take turns where a wait has no room for all',
    script: `
      ${THREE}
      epoll -> 8
      ctl 8 ADD 5 IN
      ctl 8 ADD 6 IN
      ctl 8 ADD 7 IN
      c: send x
      until 7 IN -> IN|OUT
      a: send x
      until 5 IN -> IN|OUT
      b: send x
      until 6 IN -> IN|OUT
      wait 8 1 0 -> [7 IN]
      wait 8 1 0 -> [5 IN]
      wait 8 1 0 -> [6 IN]
      wait 8 1 0 -> [7 IN]
      wait 8 2 0 -> [5 IN, 6 IN]
      wait 8 2 0 -> [7 IN, 5 IN]`,
  },
  {
    name: '2.6: what is ready when it is added is told in the order of adding',
    script: `
      ${THREE}
      epoll -> 8
      ctl 8 ADD 6 OUT
      ctl 8 ADD 7 OUT
      ctl 8 ADD 5 OUT
      wait 8 8 0 -> [6 OUT, 7 OUT, 5 OUT]
      ctl 8 MOD 7 OUT
      ctl 8 DEL 6 0
      ctl 8 ADD 6 OUT
      wait 8 8 0 -> [7 OUT, 5 OUT, 6 OUT]`,
  },
  {
    name: '2.6: edges and levels take turns, and an edge that was told leaves its turn',
    script: `
      ${THREE}
      epoll -> 8
      ctl 8 ADD 5 OUT
      ctl 8 ADD 6 OUT|ET
      ctl 8 ADD 7 OUT
      wait 8 1 0 -> [5 OUT]
      wait 8 1 0 -> [6 OUT]
      wait 8 1 0 -> [7 OUT]
      wait 8 1 0 -> [5 OUT]
      wait 8 1 0 -> [7 OUT]
      wait 8 8 0 -> [5 OUT, 7 OUT]`,
  },
];

const identity: ScriptCase[] = [
  {
    name: '2.7: what is closed is told of no more, and its number may be watched again',
    script: `
      ${CONNECTION}
      epoll -> 6
      ctl 6 ADD 5 OUT
      wait 6 8 0 -> [5 OUT]
      close 5
      wait 6 8 0 -> []
      ctl 6 DEL 5 0 -> EBADF
      b: connect
      accept 4 NONBLOCK -> 5
      wait 6 8 0 -> []
      ctl 6 MOD 5 OUT -> ENOENT
      ctl 6 ADD 5 OUT
      wait 6 8 0 -> [5 OUT]`,
  },
  {
    name: '2.7: what is renumbered stays watched, and what had its number is watched no more',
    script: `
      ${CONNECTION}
      b: connect
      accept 4 NONBLOCK -> 6
      epoll -> 7
      ctl 7 ADD 5 IN
      ctl 7 ADD 6 IN
      renumber 5 6
      b: end -> end
      a: send x
      until 6 IN -> IN|OUT
      wait 7 8 0 -> [5 IN]
      ctl 7 DEL 5 0 -> EBADF
      ctl 7 MOD 6 IN
      wait 7 8 0 -> [6 IN]
      recv 5 1 0 -> EBADF
      recv 6 1 0 -> x`,
  },
  {
    name: '2.8: what was consumed before a wait is not told of',
    script: `
      ${CONNECTION}
      epoll -> 6
      ctl 6 ADD 5 IN
      a: send x
      until 5 IN -> IN|OUT
      recv 5 1 0 -> x
      wait 6 8 0 -> []
      a: send y
      wait 6 8 1000 -> [5 IN]
      recv 5 1 0 -> y
      wait 6 8 0 -> []`,
  },
  {
    name: '2.8: an exclusive interest is new, is no oneshot, asks for no RDHUP, and stays as it is',
    script: `
      ${CONNECTION}
      epoll -> 6
      ctl 6 ADD 5 IN|RDHUP|EXCLUSIVE -> EINVAL
      ctl 6 ADD 5 IN|ONESHOT|EXCLUSIVE -> EINVAL
      ctl 6 ADD 5 OUT|EXCLUSIVE
      wait 6 8 0 -> [5 OUT]
      ctl 6 MOD 5 OUT -> EINVAL
      ctl 6 MOD 5 OUT|EXCLUSIVE -> EINVAL
      ctl 6 DEL 5 0
      ctl 6 ADD 5 OUT|EXCLUSIVE|ET
      wait 6 8 0 -> [5 OUT]
      wait 6 8 0 -> []`,
  },
  {
    name: '2.8: two sets that watch the same are both told',
    script: `
      ${CONNECTION}
      epoll -> 6
      epoll -> 7
      ctl 6 ADD 5 IN|ET
      ctl 7 ADD 5 IN|ET
      a: send x
      until 5 IN -> IN|OUT
      wait 6 8 0 -> [5 IN]
      wait 7 8 0 -> [5 IN]
      wait 6 8 0 -> []
      close 6
      a: send y
      wait 7 8 1000 -> [5 IN]`,
  },
  {
    name: '2.9: an interest set cannot be waited for',
    script: `
      epoll -> 5
      epoll -> 6
      ctl 5 ADD 6 IN -> ENOTCAPABLE
      poll 0 5r -> [5r:ENOTCAPABLE]`,
  },
  {
    name: '2.10: a wait for ever ends with what is ready, and a wait for nothing is wrong',
    script: `
      ${CONNECTION}
      epoll -> 6
      wait 6 0 0 -> EINVAL
      wait 6 8 0 -> []
      wait 6 8 5 -> []
      ctl 6 ADD 5 OUT
      wait 6 8 -1 -> [5 OUT]
      wait 6 8 -7 -> [5 OUT]
      wait 5 8 0 -> EINVAL
      wait 77 8 0 -> EBADF`,
  },
];

const signals: ScriptCase[] = [
  {
    name: '3.3: signals come in the order in which they arose',
    script: `
      ${THREE}
      arm 5 1
      arm 6 1
      arm 7 1
      b: send x
      until 6 IN -> IN|OUT
      a: send x
      until 5 IN -> IN|OUT
      c: send x
      until 7 IN -> IN|OUT
      signals 2 0 -> [6 IN, 5 IN]
      signals 8 0 -> [7 IN]
      signals 8 0 -> []`,
  },
  {
    name: '3.3: a send to a broken connection is an error, and no signal ends the guest',
    script: `
      ${CONNECTION}
      a: reset
      until 5 ERR -> IN|OUT|RDHUP|HUP|ERR
      send 5 x -> ECONNRESET
      send 5 x -> EPIPE
      write 5 x -> EPIPE
      out: close
      until 1 ERR -> OUT|ERR
      write 1 x -> EPIPE`,
  },
  {
    name: '3.4: each arrival is a signal, read or not, and what was there before is none',
    script: `
      ${CONNECTION}
      a: send before
      until 5 IN -> IN|OUT
      arm 5 1
      signals 8 0 -> []
      a: send a
      signals 1 1000 -> [5 IN]
      a: send b
      signals 1 1000 -> [5 IN]
      recv 5 10 0 -> beforeab
      signals 8 0 -> []
      a: send c
      signals 1 1000 -> [5 IN]
      arm 5 0
      a: send d
      sleep 60
      signals 8 0 -> []`,
  },
  {
    name: '3.4: a connection at a listener is a signal, and so is an end',
    script: `
      arm 4 1
      a: connect
      signals 8 1000 -> [4 IN]
      accept 4 NONBLOCK -> 5
      arm 5 1
      a: shut
      until 5 RDHUP -> IN|OUT|RDHUP
      signals 8 0 -> [5 IN, 5 IN]
      recv 5 1 0 -> end
      signals 8 0 -> []`,
  },
  {
    name: '3.4: a buffer signals that there is room, if it was found full while it was armed',
    script: `
      ${CONNECTION}
      fill 5 32768 -> filled
      arm 5 1
      a: drain
      until 5 OUT -> OUT
      signals 8 0 -> []
      arm 5 0
      fill 5 32768 -> filled
      arm 5 1
      until 5 0 -> 0
      a: drain
      until 5 OUT -> OUT
      signals 8 0 -> [5 OUT]`,
  },
  {
    name: '3.4: what is closed takes its signals with it, and its number may come again',
    script: `
      ${CONNECTION}
      b: connect
      accept 4 NONBLOCK -> 6
      arm 5 1
      arm 6 1
      a: send x
      until 5 IN -> IN|OUT
      b: send x
      until 6 IN -> IN|OUT
      close 5
      c: connect
      accept 4 NONBLOCK -> 5
      signals 8 0 -> [6 IN]
      c: send x
      until 5 IN -> IN|OUT
      signals 8 0 -> []
      arm 0 1 -> EPERM
      arm 77 1 -> EBADF`,
  },
];

export const epollCases: readonly ScriptCase[] = [
  ...control,
  ...edges,
  ...listeners,
  ...order,
  ...identity,
  ...signals,
];
