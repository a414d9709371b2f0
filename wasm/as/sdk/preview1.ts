// The functions of WASI preview1 that the SDK stands on, as the host names them; it refuses to make
// them any nicer. https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md
//
// Each answers an errno, 0 if all went well. A parameter that ends in `Out` is where an answer
// goes.

@external("wasi_snapshot_preview1", "args_get")
export declare function argsGet(argvOut: usize, textOut: usize): i32;
@external("wasi_snapshot_preview1", "args_sizes_get")
export declare function argsSizesGet(countOut: usize, bytesOut: usize): i32;
@external("wasi_snapshot_preview1", "clock_time_get")
export declare function clockTimeGet(id: i32, precision: u64, timeOut: usize): i32;
@external("wasi_snapshot_preview1", "fd_close")
export declare function fdClose(fd: i32): i32;
@external("wasi_snapshot_preview1", "fd_fdstat_get")
export declare function fdFdstatGet(fd: i32, statOut: usize): i32;
@external("wasi_snapshot_preview1", "fd_fdstat_set_flags")
export declare function fdFdstatSetFlags(fd: i32, flags: i32): i32;
@external("wasi_snapshot_preview1", "fd_read")
export declare function fdRead(fd: i32, iovs: usize, count: i32, lengthOut: usize): i32;
@external("wasi_snapshot_preview1", "fd_write")
export declare function fdWrite(fd: i32, iovs: usize, count: i32, lengthOut: usize): i32;
@external("wasi_snapshot_preview1", "poll_oneoff")
export declare function pollOneoff(
  subscriptions: usize,
  eventsOut: usize,
  count: i32,
  countOut: usize,
): i32;
@external("wasi_snapshot_preview1", "proc_exit")
export declare function procExit(code: i32): void;
@external("wasi_snapshot_preview1", "random_get")
export declare function randomGet(bytesOut: usize, length: u32): i32;
@external("wasi_snapshot_preview1", "sched_yield")
export declare function schedYield(): i32;
@external("wasi_snapshot_preview1", "sock_accept")
export declare function sockAccept(fd: i32, flags: i32, fdOut: usize): i32;
@external("wasi_snapshot_preview1", "sock_recv")
export declare function sockRecv(
  fd: i32,
  iovs: usize,
  count: i32,
  flags: i32,
  lengthOut: usize,
  flagsOut: usize,
): i32;
@external("wasi_snapshot_preview1", "sock_send")
export declare function sockSend(
  fd: i32,
  iovs: usize,
  count: i32,
  flags: i32,
  lengthOut: usize,
): i32;
@external("wasi_snapshot_preview1", "sock_shutdown")
export declare function sockShutdown(fd: i32, how: i32): i32;
