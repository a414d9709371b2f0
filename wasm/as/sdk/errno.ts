// The errnos of WASI that a server meets. A function of the SDK answers a result, which is 0 or
// more, or one of these negated: `if (received == -EAGAIN) ...`; nothing is thrown.
// https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#errno

/** Nothing is there yet: wait for it, and try again. */
export const EAGAIN: i32 = 6;
/** The descriptor is not open. */
export const EBADF: i32 = 8;
/** It was cancelled. */
export const ECANCELED: i32 = 11;
/** The client was gone before it was accepted. */
export const ECONNABORTED: i32 = 13;
/** The peer has reset the connection. */
export const ECONNRESET: i32 = 15;
/** The descriptor is in the set already. */
export const EEXIST: i32 = 20;
/** An address that is not in the guest's memory. */
export const EFAULT: i32 = 21;
/** A signal came first: try again. */
export const EINTR: i32 = 27;
/** An argument is wrong. */
export const EINVAL: i32 = 28;
/** The guest has as many descriptors open as it may. */
export const EMFILE: i32 = 33;
/** The whole system has as many descriptors open as it can. */
export const ENFILE: i32 = 41;
/** The kernel is out of buffers. */
export const ENOBUFS: i32 = 42;
/** There is no such thing. */
export const ENOENT: i32 = 44;
/** Out of memory. */
export const ENOMEM: i32 = 48;
/** The host does not know this function. */
export const ENOSYS: i32 = 52;
/** The connection is none yet, or is none any more. */
export const ENOTCONN: i32 = 53;
/** The descriptor is no socket. */
export const ENOTSOCK: i32 = 57;
/** Not supported of this descriptor. */
export const ENOTSUP: i32 = 58;
/** Not allowed of this descriptor. */
export const EPERM: i32 = 63;
/** The peer takes no more bytes. */
export const EPIPE: i32 = 64;
/** Time ran out. */
export const ETIMEDOUT: i32 = 73;
/** The descriptor was not given with this right. */
export const ENOTCAPABLE: i32 = 76;
