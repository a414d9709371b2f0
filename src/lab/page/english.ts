/** The page's texts in English, whose shape those in other languages have. */
import { decisions } from '../../../host/sim/fault.js';

const many = (n: number, one: string, more = `${one}s`) => `${n} ${n === 1 ? one : more}`;

export const english = {
  title: 'Pollux lab: five I/O models, step by step',
  heading: 'How does a server wait?',
  intro:
    'One echo server in five I/O models: the very WebAssembly that serves real clients, run ' +
    'here on a simulated kernel, in a virtual time ' +
    'that you can stop, step and rewind. An I/O operation has two phases: waiting for data, ' +
    'and copying it to the process.',
  skip: 'Go to the controls',
  language: 'Language',
  all: 'All side by side',
  model: 'I/O model',
  names: {
    blocking: 'blocking',
    nonblocking: 'non-blocking',
    select: 'select',
    poll: 'poll',
    epoll: 'epoll',
    'epoll-edge': 'epoll, edges',
    signal: 'signal-driven',
    async: 'asynchronous',
  },
  about: {
    blocking:
      'One call, in which the process sleeps through both phases. While it sleeps for one ' +
      'client, no other is served.',
    nonblocking:
      'The call returns at once, with EAGAIN if there is nothing. The process never sleeps: ' +
      'it asks again and again, and is busy with asking.',
    select:
      'The process sleeps in one call for many descriptors, which it hands over every time; ' +
      'then it receives from those that are ready.',
    poll: 'As select, but with a list of any length in place of a set of 1,024.',
    epoll:
      'The kernel keeps the set of descriptors. The process sleeps in one call, and is told ' +
      'only of what is ready, for as long as it is ready.',
    'epoll-edge':
      'As epoll, but the process is told once, when something arrives. What it leaves unread ' +
      'it must remember by itself.',
    signal:
      'The kernel sends a signal when data is there. Until then the process is free to work; ' +
      'it is blocked only while data is copied.',
    async:
      'The process hands over the whole operation and goes on. The kernel waits and copies, ' +
      'and tells when both is over.',
  },
  phases: {
    wait: 'wait',
    copy: 'copy',
    blocked: 'blocked',
    busy: 'busy asking',
    free: 'free',
    synchronous: 'synchronous',
    asynchronous: 'asynchronous',
    of: (phase: string, how: string) => `${phase}: ${how}`,
    classHint: 'As POSIX says it: synchronous, if the process is blocked while data is copied.',
  },
  diagram: 'State of the machine, for each connection',
  diagramHint: (connections: string) =>
    connections === '' ? 'No connection yet.' : `Now: ${connections}.`,
  picture: {
    title: (model: string) => `${model}: states, events / calls`,
    words: {
      wait: 'wait',
      copy: 'copy',
      blocked: 'blocked',
      running: 'running',
      final: 'final',
    },
    comma: ', ',
    other: (state: string) => `Any other event: ${state}.`,
    begins: (state: string) => `It begins in ${state}.`,
  },
  inState: (connection: string, state: string) => `${connection} is in ${state}`,
  took: (event: string, from: string, to: string) => `${event}: ${from} → ${to}`,
  controls: {
    title: 'Time',
    back: 'Step back',
    step: 'Step',
    play: 'Play',
    pause: 'Pause',
    start: 'To the beginning',
    end: 'To the end',
    slower: 'Slower',
    faster: 'Faster',
    speed: (time: string) => `${time}/s`,
    speedHint: 'How much virtual time goes by in a second',
    position: 'Position in time',
    at: (now: string, end: string) => `${now} of ${end}`,
    steps: (n: number, of: number) => `step ${n} of ${of}`,
    seed: 'Seed',
    seedHint:
      '0: nothing happens by chance. Any other: what a network may do, as this number has it.',
    guest: 'Server written in',
  },
  world: {
    title: 'The world',
    hint: 'What you do happens now, at this moment of virtual time. All before stays as it was.',
    connect: 'Connect a client',
    client: 'Client',
    nobody: 'nobody yet',
    text: 'Message',
    pieces: 'arrives in pieces',
    send: 'Send',
    stop: 'Stop reading',
    on: 'Read on',
    halfClose: 'Half-close',
    reset: 'Reset',
    chance: 'Inject a fault',
    faultHint: (errno: string) => `The next call that can be is answered ${errno}.`,
    deeds: 'What the world does',
    remove: (what: string) => `Remove: ${what}`,
    clear: 'Remove all',
    example: 'Back to the example',
    none: 'Nothing: the server waits in vain.',
    done: (what: string, at: string) => `${what}, at ${at}.`,
    full: 'There are enough clients.',
    notConnected: (client: string) => `${client} is not connected at this moment.`,
    connectFirst: 'Connect a client first.',
    needsText: 'Write a message first.',
    refused: 'This run is a recording: go back to the models to change the world.',
  },
  deed: {
    connect: (client: string) => `${client} connects`,
    send: (client: string, text: string, pieces: number) =>
      `${client} sends “${text}”${pieces > 1 ? `, in ${pieces} pieces` : ''}`,
    'stop reading': (client: string) => `${client} stops reading`,
    'read on': (client: string) => `${client} reads on`,
    'half-close': (client: string) => `${client} half-closes`,
    reset: (client: string) => `${client} resets the connection`,
    EINTR: 'a call is interrupted (EINTR)',
    EAGAIN: 'a call finds nothing (EAGAIN)',
  },
  count: {
    title: 'Until now',
    calls: 'calls',
    blocked: 'blocked',
    busy: 'busy',
    copies: 'copies',
    hints: {
      calls: 'How often the process has called the kernel',
      blocked: 'The time that it slept in calls',
      busy: 'The time that it was in calls without sleeping',
      copies: 'How often the kernel has copied received bytes to it',
    },
  },
  besideHint:
    'The same clients, the same moments: only the model is another. Choose a name to see it alone.',
  open: {
    title: 'Replay and open',
    token: 'Replay token of a failing run',
    tokenHint:
      'As `pollux simulate` prints it. Everything in it happens again, and you can go back ' +
      'and forth.',
    replay: 'Replay',
    guest: 'Its guest (.wasm), if it is none of the echo servers',
    transcript: 'Transcript of a real run',
    transcriptHint:
      'A file of `pollux run --trace FILE`. Choose it, or drop it anywhere on this page.',
    leave: 'Back to the models',
    replayed: 'Replayed run',
    read: (name: string) => `Transcript ${name}`,
    kernel: (name: string) => `Kernel: ${name}.`,
    needsToken: 'Paste a token first.',
    tooLong: 'This token is too long for a page: repeat it with `pollux replay`.',
    notWasm: (name: string) =>
      `${name} is no WebAssembly: its first four bytes are not those of one.`,
  },
  keys: {
    title: 'Keyboard',
    on: 'Single keys work anywhere on this page',
    play: 'play or pause',
    step: 'step, step back',
    ends: 'to the beginning, to the end',
    speed: 'slower, faster',
    connect: 'connect a client',
    send: 'send the message',
    reading: 'stop reading, read on',
    halfClose: 'half-close',
    reset: 'reset',
    fault: 'inject EINTR, EAGAIN',
    models: 'choose a model',
    beside: 'all side by side, and back',
  },
  failed: (sentence: string) => `This run failed: ${sentence}`,
  cannot: (sentence: string) => `That did not work: ${sentence}`,
  link: (parts: string) =>
    `The link says something that this page does not know (${parts}); it is left out.`,
  seedWrong: (most: number) => `A seed is a whole number from 0 to ${most}.`,
  working: 'Running …',
  story: {
    begin: 'Nothing has happened yet. Step, or play.',
    end: 'This is the end: nothing more will happen, unless you do something.',
    over: 'This is the end of the recording.',
    sleeps: {
      accept: (call: string) =>
        `The process calls ${call} and falls asleep in it: nobody has connected.`,
      receive: (call: string) =>
        `The process calls ${call} and falls asleep in it: no data is there. The kernel ` +
        'waits for some (first phase).',
      send: (call: string) =>
        `The process calls ${call} and falls asleep in it: the client reads nothing, and the ` +
        'buffer is full.',
      poll: (call: string) =>
        `The process asks in ${call} about all its descriptors at once, and falls asleep: ` +
        'none is ready (first phase).',
      'take signals': (call: string) =>
        `The process has no other work, and lets ${call} wake it at the next signal. It ` +
        'might as well compute.',
      reap: (call: string) =>
        `The process has no other work, and lets ${call} wake it at the next completion. The ` +
        'operations go on without it.',
      exit: (call: string) => `The process calls ${call}, and has ended.`,
      other: (call: string) => `The process calls ${call} and falls asleep in it.`,
    },
    answered: {
      accept: (call: string) => `${call} gives the process a new connection.`,
      received: (call: string, bytes: number) =>
        `The data is there: the kernel copies ${many(bytes, 'byte')} to the process (second ` +
        `phase), and ${call} returns.`,
      ended: (call: string) =>
        `${call} returns 0 bytes: the client has shut down its side, and nothing more will come.`,
      sent: (call: string, bytes: number) =>
        `${call} hands the kernel ${many(bytes, 'byte')} to send. It need not wait for the client.`,
      ready: (call: string, n: number) =>
        `${call} returns: ${many(n, 'descriptor')} ${n === 1 ? 'is' : 'are'} ready. Nothing ` +
        'has been copied yet.',
      idle: (call: string) => `${call} returns: its time is over, and nothing is ready.`,
      register: (call: string) => `With ${call} the process tells the kernel what to watch.`,
      arm: (call: string) =>
        `With ${call} the process asks for a signal when something comes. Then it goes on working.`,
      signalled: (call: string, n: number) =>
        `${many(n, 'signal')} came. ${call} says for which descriptor: now it is worth receiving.`,
      submit: (call: string, n: number) =>
        `With ${call} the process hands over ${many(n, 'whole operation')}, and does not wait.`,
      reaped: (call: string, n: number) =>
        `${call} returns ${many(n, 'completion')}: waiting and copying are over already.`,
      close: (call: string) => `${call}: the connection is over for the process.`,
      yield: (call: string) => `${call}: before it asks again, the process lets others run.`,
      other: (call: string) => `${call} returns at once.`,
      AGAIN: {
        accept: (call: string) => `${call} returns EAGAIN at once: nobody else has connected.`,
        receive: (call: string) =>
          `${call} returns EAGAIN at once: no data is there. The process is awake, and may do ` +
          'something else, or ask again.',
        send: (call: string) =>
          `${call} returns EAGAIN at once: the buffer is full, for the client does not read. ` +
          'The rest has to wait.',
      },
      INTR: (call: string) =>
        `${call} is interrupted by a signal (EINTR) before anything came. The process calls again.`,
      failed: (call: string, errno: string) => `${call} fails: ${errno}.`,
    },
    server: 'the server',
    segment: {
      SYN: (from: string, to: string) => `${from} asks ${to} for a connection (SYN).`,
      'SYN ACK': (from: string, to: string) =>
        `${from} agrees to the connection with ${to} (SYN ACK).`,
      FIN: (from: string, to: string) => `${from} tells ${to} that it will send no more (FIN).`,
      RST: (from: string, to: string) => `${from} breaks the connection with ${to} (RST).`,
      ACK: (from: string, to: string) => `${from} tells ${to} what has arrived (ACK).`,
      arrives: (from: string, bytes: number, text: string) =>
        `${many(bytes, 'byte')} from ${from} ${bytes === 1 ? 'arrives' : 'arrive'}: ` +
        `“${text}”. The kernel keeps them, whatever the process is doing.`,
      leaves: (to: string, bytes: number, text: string) =>
        `The kernel sends ${many(bytes, 'byte')} to ${to}: “${text}”.`,
    },
    deed: (what: string) => `${what}.`,
    vain: (deed: string, why: string) => `Nothing comes of “${deed}”: ${why}.`,
    action: (who: string, what: string) => `${who}: ${what}.`,
    chance: 'chance',
    /** By decision of the simulated kernel: what happened by chance. */
    chances: Object.fromEntries(
      Object.entries(decisions).map(([decision, { words }]) => [decision, words]),
    ),
    /** What the worker says, and what it is here. */
    said: {
      'it has no connection': 'it has no connection',
      'it is connected already': 'it is connected already',
      'no call could be refused': 'no call could be refused',
      'no call could be interrupted': 'no call could be interrupted',
      'sees the end': 'sees the end, and closes',
    },
  },
};

type Widened<T> = T extends string
  ? string
  : T extends (...given: infer Given) => string
    ? (...given: Given) => string
    : { readonly [K in keyof T]: Widened<T[K]> };

/** All texts of the page, in one language. */
export type Texts = Widened<typeof english>;
