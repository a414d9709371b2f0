/** The errno values of WASI preview1, and the way from a kernel's to them. */
import { Errno } from '../kernel/errno.js';

/** https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#errno */
export const WasiErrno = {
  SUCCESS: 0,
  TOOBIG: 1,
  ACCES: 2,
  ADDRINUSE: 3,
  ADDRNOTAVAIL: 4,
  AFNOSUPPORT: 5,
  AGAIN: 6,
  ALREADY: 7,
  BADF: 8,
  BUSY: 10,
  CANCELED: 11,
  CONNABORTED: 13,
  CONNREFUSED: 14,
  CONNRESET: 15,
  DESTADDRREQ: 17,
  DQUOT: 19,
  EXIST: 20,
  FAULT: 21,
  FBIG: 22,
  HOSTUNREACH: 23,
  ILSEQ: 25,
  INPROGRESS: 26,
  INTR: 27,
  INVAL: 28,
  IO: 29,
  ISCONN: 30,
  ISDIR: 31,
  LOOP: 32,
  MFILE: 33,
  MLINK: 34,
  MSGSIZE: 35,
  NAMETOOLONG: 37,
  NETDOWN: 38,
  NETRESET: 39,
  NETUNREACH: 40,
  NFILE: 41,
  NOBUFS: 42,
  NODEV: 43,
  NOENT: 44,
  NOMEM: 48,
  NOPROTOOPT: 50,
  NOSPC: 51,
  NOSYS: 52,
  NOTCONN: 53,
  NOTDIR: 54,
  NOTEMPTY: 55,
  NOTSOCK: 57,
  NOTSUP: 58,
  NOTTY: 59,
  NXIO: 60,
  OVERFLOW: 61,
  PERM: 63,
  PIPE: 64,
  PROTO: 65,
  PROTONOSUPPORT: 66,
  PROTOTYPE: 67,
  RANGE: 68,
  ROFS: 69,
  SPIPE: 70,
  STALE: 72,
  TIMEDOUT: 73,
  TXTBSY: 74,
  XDEV: 75,
  NOTCAPABLE: 76,
} as const;

/** Where the two names differ by more than their leading E. */
const renamed: Partial<Record<keyof typeof Errno, keyof typeof WasiErrno>> = {
  E2BIG: 'TOOBIG',
  EOPNOTSUPP: 'NOTSUP',
};

const table = new Uint8Array(256).fill(WasiErrno.IO);
for (const [name, number] of Object.entries(Errno)) {
  const wasiName = renamed[name as keyof typeof Errno] ?? (name.slice(1) as keyof typeof WasiErrno);
  table[number] = WasiErrno[wasiName];
}
table[0] = WasiErrno.SUCCESS;

/** The errno of WASI for a kernel's negated one, or for 0; IO for one that WASI has no name for. */
export function wasiErrno(result: number): number {
  return table[-result] ?? WasiErrno.IO;
}

const names = new Map<number, string>(
  Object.entries(WasiErrno).map(([name, number]) => [number, name]),
);

/** `AGAIN`, or the number in decimals. */
export function wasiErrnoName(errno: number): string {
  return names.get(errno) ?? String(errno);
}
