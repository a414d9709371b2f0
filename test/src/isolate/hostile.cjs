/**
 * Stands for an exploited V8. It is loaded in the addon's place (POLLUX_ADDON) and lies in wait: in
 * the process of a guest, at the moment when the guest's own code would begin, it tries everything
 * that it was made to try, and writes to stdout what came of it. `restrictions`: those that are not
 * switched off. `settings`: see isolate.test.ts, which puts them before this text.
 */
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');

const attack = require(settings.attack);
const real = require(settings.addon);

const text = (string) => Buffer.from(`${string}\0`);
const parent = process.ppid;
const AT_FDCWD = -100;
const x64 = process.arch === 'x64';
/** Numbers of system calls: x86-64, or the generic ones. */
const nr = x64
  ? { openat: 257, newfstatat: 262, mkdirat: 258, unlinkat: 263, socket: 41, connect: 42, bind: 49 }
  : { openat: 56, newfstatat: 79, mkdirat: 34, unlinkat: 35, socket: 198, connect: 203, bind: 200 };
Object.assign(
  nr,
  x64
    ? { sendto: 44, shutdown: 48, execve: 59, ptrace: 101, kill: 62, tgkill: 234, fcntl: 72 }
    : { sendto: 206, shutdown: 210, execve: 221, ptrace: 117, kill: 129, tgkill: 131, fcntl: 25 },
  x64
    ? { memfd: 319, setresuid: 117, unshare: 272, bpf: 321, keyctl: 250, uffd: 323, prctl: 157 }
    : { memfd: 279, setresuid: 147, unshare: 97, bpf: 280, keyctl: 219, uffd: 282, prctl: 167 },
  x64
    ? {
        prlimit: 302,
        chdir: 80,
        chroot: 161,
        readlinkat: 267,
        getdents: 217,
        socketpair: 53,
        getsockopt: 55,
      }
    : {
        prlimit: 261,
        chdir: 49,
        chroot: 51,
        readlinkat: 78,
        getdents: 61,
        socketpair: 199,
        getsockopt: 209,
      },
  x64
    ? { ioctl: 16, schedGetparam: 143, schedGetscheduler: 145 }
    : { ioctl: 29, schedGetparam: 121, schedGetscheduler: 120 },
  { uringSetup: 425, openat2: 437, pidfdOpen: 434, pidfdGetfd: 438, pidfdSignal: 424 },
);

/** sockaddr_in of the listener of the test. */
function inet() {
  const address = Buffer.alloc(16);
  address.writeUInt16LE(2, 0);
  address.writeUInt16BE(settings.port, 2);
  address.set([127, 0, 0, 1], 4);
  return address;
}

/** sockaddr_un of the abstract listener of the test: some versions of Node fill its name up. */
function abstract(size) {
  const address = Buffer.alloc(size ?? 3 + settings.abstract.length);
  address.writeUInt16LE(1, 0);
  address.write(settings.abstract, 3);
  return address;
}

const open = (path, flags = 0) => attack.call(nr.openat, AT_FDCWD, text(path), flags, 0o600);

function openat2(path) {
  const how = Buffer.alloc(24);
  return attack.call(nr.openat2, AT_FDCWD, text(path), how, 24);
}

function reach(family, address, type = 1) {
  const fd = attack.call(nr.socket, family, type, 0, 0);
  return fd < 0 ? fd : attack.call(nr.connect, fd, address, address.length);
}

function bpfMap() {
  const attributes = Buffer.alloc(128);
  [2, 4, 4, 1].forEach((value, i) => attributes.writeUInt32LE(value, i * 4));
  return attack.call(nr.bpf, 0, attributes, 128);
}

function withPidfd(use) {
  const fd = attack.call(nr.pidfdOpen, parent, 0);
  return fd < 0 ? fd : use(fd);
}

function fork() {
  const { error, status } = spawnSync('/bin/true');
  return error ? -1 : status;
}

function reads(path) {
  try {
    return fs.readFileSync(path).length;
  } catch {
    return -1;
  }
}

/** A listener that is shut down is a socket that TCP's fast open would connect. */
function fastOpen() {
  const listener = [...Array(64).keys()].find((fd) => {
    const accepts = Buffer.alloc(4);
    attack.call(nr.getsockopt, fd, 1, 30, accepts, Buffer.from([4, 0, 0, 0]));
    return accepts[0] === 1;
  });
  attack.call(nr.shutdown, listener, 2);
  const address = inet();
  const result = attack.call(nr.sendto, listener, text('hi'), 2, 0x20000000, address, 16);
  return result === -115 ? 0 : result; // EINPROGRESS: it connects
}

const attacks = {
  'open a file': () => open('/etc/passwd'),
  'open a file by openat2': () => openat2('/etc/passwd'),
  'open a file by fs': () => reads('/etc/passwd'),
  'write a file': () => open(`${settings.folder}/written`, 0o101),
  'make a directory': () => attack.call(nr.mkdirat, AT_FDCWD, text(`${settings.folder}/d`), 0o700),
  'look whether a file exists': () =>
    attack.call(nr.newfstatat, AT_FDCWD, text('/etc/passwd'), Buffer.alloc(256), 0),
  'read a link': () =>
    attack.call(nr.readlinkat, AT_FDCWD, text('/proc/self/exe'), Buffer.alloc(256), 256),
  'change the directory': () => attack.call(nr.chdir, text('/')),
  'list a directory by fs': () => {
    try {
      return fs.readdirSync('/').length;
    } catch {
      return -1;
    }
  },
  "read the parent's memory": () => open(`/proc/${parent}/mem`),
  'connect by TCP': () => reach(2, inet()),
  'connect by UDP': () => reach(2, inet(), 2),
  'connect to an abstract socket': () => Math.max(reach(1, abstract()), reach(1, abstract(110))),
  'listen by TCP': () => {
    const fd = attack.call(nr.socket, 2, 1, 0, 0);
    const any = inet();
    any.fill(0, 2);
    return fd < 0 ? fd : attack.call(nr.bind, fd, any, 16);
  },
  'make a pair of sockets': () => attack.call(nr.socketpair, 1, 1, 0, Buffer.alloc(8)),
  'connect a listener by fast open': fastOpen,
  'start a process': fork,
  'trace the parent': () => attack.call(nr.ptrace, 0x4206, parent, 0, 0),
  'signal the parent': () => attack.call(nr.kill, parent, 0),
  'signal a thread of the parent': () => attack.call(nr.tgkill, parent, parent, 0),
  'signal the parent by a pidfd': () => withPidfd((fd) => attack.call(nr.pidfdSignal, fd, 0, 0, 0)),
  "take the parent's descriptors": () => withPidfd((fd) => attack.call(nr.pidfdGetfd, fd, 0, 0)),
  'have the kernel signal the parent': () => attack.call(nr.fcntl, 0, 8, parent),
  // 5 is the eventfd that the parent writes to: it must never wait there.
  'make the parent wait': () => attack.call(nr.fcntl, 5, 4, 0),
  'make the parent wait by ioctl': () => attack.call(nr.ioctl, 5, 0x5421, Buffer.alloc(4)),
  'make a ring': () => attack.call(nr.uringSetup, 8, Buffer.alloc(120)),
  'make a file in memory': () => attack.call(nr.memfd, text('m'), 0),
  'change the user': () => attack.call(nr.setresuid, -1, -1, -1),
  unshare: () => attack.call(nr.unshare, 0x200),
  'load into the kernel (bpf)': bpfMap,
  'use the keyring': () => attack.call(nr.keyctl, 0, -3, 1),
  'handle page faults (userfaultfd)': () => attack.call(nr.uffd, 1),
  'outlive the parent': () => attack.call(nr.prctl, 1, 0, 0, 0, 0),
  'limit the parent': () => attack.call(nr.prlimit, parent, 7, Buffer.alloc(0), Buffer.alloc(16)),
  'change the root': () => attack.call(nr.chroot, text('/')),
};

function threadIds() {
  const ids = fs.readdirSync('/proc/self/task').map(Number);
  return Int32Array.from(ids);
}

/** What a newer V8 asks when a thread waits for a lock; it complains on stderr if it may not. */
const scheduling = () =>
  Math.min(attack.call(nr.schedGetparam, 0, Buffer.alloc(4)), attack.call(nr.schedGetscheduler, 0));

const before = {};
function strike() {
  const results = {};
  for (const [name, attempt] of Object.entries(attacks)) results[name] = attempt();
  const { ids } = before;
  results.threads = ids.length;
  results.scheduling = scheduling();
  results.inThreads = settings.inThreads ? attack.openInThreads(ids, ids.length) : 0;
  fs.writeSync(1, `${JSON.stringify(results)}\n`);
  // The last, for where it succeeds nothing of this is left.
  const words = [text('/bin/echo'), text('executed')];
  const argv = Buffer.alloc(24);
  words.forEach((each, i) => argv.writeBigUInt64LE(BigInt(attack.address(each)), i * 8));
  attack.call(nr.fcntl, 1, 2, 0); // F_SETFD: stdout is not closed by it
  attack.call(nr.execve, words[0], argv, Buffer.alloc(8));
}

if (process.argv[1].endsWith('serve/process.js')) {
  const { compile } = WebAssembly;
  WebAssembly.compile = async (bytes) => {
    strike();
    return await compile(bytes);
  };
}

const off = { restrictThreads: () => 0, filterCalls: () => 0 };
for (const name of settings.restrictions) delete off[name];
const restrictThreads = off.restrictThreads ?? real.restrictThreads;
module.exports = {
  ...real,
  ...off,
  restrictThreads: (...given) => {
    before.ids = threadIds();
    return restrictThreads(...given);
  },
};
