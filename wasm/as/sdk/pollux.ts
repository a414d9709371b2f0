// The functions of module "pollux" that the SDK stands on, as the host names them.
// wasm/c/include/pollux.h says what each does.
//
// Each answers an errno, 0 if all went well. A parameter that ends in `Out` is where an answer
// goes.

@external("pollux", "epoll_create")
export declare function epollCreate(epfdOut: usize): i32;
@external("pollux", "epoll_ctl")
export declare function epollCtl(epfd: i32, op: i32, fd: i32, event: usize): i32;
@external("pollux", "epoll_wait")
export declare function epollWait(
  epfd: i32,
  eventsOut: usize,
  max: u32,
  timeoutNs: i64,
  countOut: usize,
): i32;
@external("pollux", "signal_arm")
export declare function signalArm(fd: i32, on: i32): i32;
@external("pollux", "signal_wait")
export declare function signalWait(
  signalsOut: usize,
  max: u32,
  timeoutNs: i64,
  countOut: usize,
): i32;
@external("pollux", "submit")
export declare function submit(operations: usize, count: u32, acceptedOut: usize): i32;
@external("pollux", "reap")
export declare function reap(
  completionsOut: usize,
  max: u32,
  bytesOut: usize,
  length: u32,
  min: u32,
  timeoutNs: i64,
  countOut: usize,
): i32;
@external("pollux", "fault_maybe")
export declare function faultMaybe(label: usize, length: u32, happensOut: usize): i32;
