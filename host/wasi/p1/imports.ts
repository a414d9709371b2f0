/**
 * The module `wasi_snapshot_preview1` as a guest imports it. Only here the names of the ABI are
 * spelt; each family's file says what its functions do.
 * https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md
 */
import { args } from './args.js';
import { clock } from './clock.js';
import { directory } from './directory.js';
import { environ } from './environ.js';
import { fd } from './fd.js';
import { file } from './file.js';
import { path } from './path.js';
import { Poll } from './poll.js';
import { proc } from './proc.js';
import type { Process, WasiFunction } from '../process.js';
import { random } from './random.js';
import { sched } from './sched.js';
import { sock } from './sock.js';

export const MODULE = 'wasi_snapshot_preview1';

/**
 * The parameters of each function, for transcripts: `>name` is where a u32 answer goes, `>>name` a
 * u64 one; `$name` is where a text lies, whose length is the next; the rest is what goes in.
 */
export const parameters: Record<string, string> = {
  args_get: 'argv argv_buf',
  args_sizes_get: '>argc >argv_buf_size',
  environ_get: 'environ environ_buf',
  environ_sizes_get: '>count >buf_size',
  clock_res_get: 'id >>resolution',
  clock_time_get: 'id precision >>time',
  fd_advise: 'fd offset len advice',
  fd_allocate: 'fd offset len',
  fd_close: 'fd',
  fd_datasync: 'fd',
  fd_fdstat_get: 'fd stat',
  fd_fdstat_set_flags: 'fd flags',
  fd_fdstat_set_rights: 'fd rights_base rights_inheriting',
  fd_filestat_get: 'fd stat',
  fd_filestat_set_size: 'fd size',
  fd_filestat_set_times: 'fd atim mtim flags',
  fd_pread: 'fd iovs iovs_len offset >nread',
  fd_prestat_dir_name: 'fd path path_len',
  fd_prestat_get: 'fd prestat',
  fd_pwrite: 'fd iovs iovs_len offset >nwritten',
  fd_read: 'fd iovs iovs_len >nread',
  fd_readdir: 'fd buf buf_len cookie >bufused',
  fd_renumber: 'fd to',
  fd_seek: 'fd offset whence >>newoffset',
  fd_sync: 'fd',
  fd_tell: 'fd >>offset',
  fd_write: 'fd iovs iovs_len >nwritten',
  path_create_directory: 'fd $path path_len',
  path_filestat_get: 'fd flags $path path_len stat',
  path_filestat_set_times: 'fd flags $path path_len atim mtim fst_flags',
  path_link: 'old_fd old_flags $old_path old_path_len new_fd $new_path new_path_len',
  path_open: 'fd dirflags $path path_len oflags rights_base rights_inheriting fdflags >opened',
  path_readlink: 'fd $path path_len buf buf_len >bufused',
  path_remove_directory: 'fd $path path_len',
  path_rename: 'fd $old_path old_path_len new_fd $new_path new_path_len',
  path_symlink: '$old_path old_path_len fd $new_path new_path_len',
  path_unlink_file: 'fd $path path_len',
  poll_oneoff: 'in out nsubs >nevents',
  proc_exit: 'code',
  proc_raise: 'signal',
  random_get: 'buf buf_len',
  sched_yield: '',
  sock_accept: 'fd flags >fd',
  sock_recv: 'fd ri_data ri_data_len ri_flags >ro_datalen ro_flags',
  sock_send: 'fd si_data si_data_len si_flags >so_datalen',
  sock_shutdown: 'fd how',
};

/** What may wait, or never comes back. */
export const waiting: ReadonlySet<string> = new Set([
  'poll_oneoff',
  'sock_accept',
  'sock_recv',
  'sock_send',
  'fd_read',
  'fd_write',
  'proc_exit',
  'proc_raise',
]);

/** What is of use only to a guest that was granted something: that, and the functions' names. */
export const granted = {
  directory: /^(path_|fd_readdir$)/,
  listener: /^sock_accept$/,
  connection: /^sock_(recv|send|shutdown)$/,
  environment: /^environ_get$/,
} as const;

export interface Preview1 {
  /** By name: all of preview1. */
  functions: Record<string, WasiFunction>;
  poll: Poll;
}

/** The functions of preview1 for one process. */
export function preview1(process: Process): Preview1 {
  const poll = new Poll(process);
  const family = {
    args: args(process),
    clock: clock(process),
    environ: environ(process),
    directory: directory(process),
    fd: fd(process),
    file: file(process),
    path: path(process),
    proc: proc(process),
    random: random(process),
    sched: sched(process),
    sock: sock(process),
  };
  const functions: Record<string, WasiFunction> = {
    args_get: family.args.get,
    args_sizes_get: family.args.sizesGet,
    environ_get: family.environ.get,
    environ_sizes_get: family.environ.sizesGet,
    clock_res_get: family.clock.resGet,
    clock_time_get: family.clock.timeGet,
    fd_advise: family.file.advise,
    fd_allocate: family.file.allocate,
    fd_close: family.fd.close,
    fd_datasync: family.file.datasync,
    fd_fdstat_get: family.fd.fdstatGet,
    fd_fdstat_set_flags: family.fd.fdstatSetFlags,
    fd_fdstat_set_rights: family.fd.fdstatSetRights,
    fd_filestat_get: family.file.filestatGet,
    fd_filestat_set_size: family.file.filestatSetSize,
    fd_filestat_set_times: family.file.filestatSetTimes,
    fd_pread: family.fd.pread,
    fd_prestat_get: family.directory.prestatGet,
    fd_prestat_dir_name: family.directory.prestatDirName,
    fd_pwrite: family.fd.pwrite,
    fd_read: family.fd.read,
    fd_readdir: family.directory.readdir,
    fd_renumber: family.fd.renumber,
    fd_seek: family.fd.seek,
    fd_sync: family.file.sync,
    fd_tell: family.fd.tell,
    fd_write: family.fd.write,
    path_create_directory: family.path.createDirectory,
    path_filestat_get: family.path.filestatGet,
    path_filestat_set_times: family.path.filestatSetTimes,
    path_link: family.path.link,
    path_open: family.path.open,
    path_readlink: family.path.readlink,
    path_remove_directory: family.path.removeDirectory,
    path_rename: family.path.rename,
    path_symlink: family.path.symlink,
    path_unlink_file: family.path.unlinkFile,
    poll_oneoff: (input: number, output: number, count: number, countOut: number) =>
      poll.oneoff(input, output, count, countOut),
    proc_exit: family.proc.exit,
    proc_raise: family.proc.raise,
    sched_yield: family.sched.yield,
    random_get: family.random.get,
    sock_accept: family.sock.accept,
    sock_recv: family.sock.recv,
    sock_send: family.sock.send,
    sock_shutdown: family.sock.shutdown,
  };
  return { functions, poll };
}
