//! What mio needs of the crate `wasi`, which Debian does not package: the ABI of poll_oneoff.
//! https://github.com/WebAssembly/WASI/blob/wasi-0.1/preview1/docs.md#poll_oneoff
#![no_std]

pub type Fd = u32;
pub type Size = usize;
pub type Timestamp = u64;
pub type Userdata = u64;

macro_rules! number {
    ($name:ident, $repr:ty) => {
        #[repr(transparent)]
        #[derive(Copy, Clone, Debug, PartialEq, Eq)]
        pub struct $name($repr);
        impl $name {
            pub const fn raw(&self) -> $repr {
                self.0
            }
        }
    };
}
number!(Errno, u16);
number!(Eventtype, u8);
number!(Clockid, u32);

pub const ERRNO_SUCCESS: Errno = Errno(0);
pub const EVENTTYPE_CLOCK: Eventtype = Eventtype(0);
pub const EVENTTYPE_FD_READ: Eventtype = Eventtype(1);
pub const EVENTTYPE_FD_WRITE: Eventtype = Eventtype(2);
pub const CLOCKID_MONOTONIC: Clockid = Clockid(1);

pub type Eventrwflags = u16;
pub const EVENTRWFLAGS_FD_READWRITE_HANGUP: Eventrwflags = 1;
pub type Subclockflags = u16;

#[repr(C)]
#[derive(Copy, Clone, Debug)]
pub struct EventFdReadwrite {
    pub nbytes: u64,
    pub flags: Eventrwflags,
}

#[repr(C)]
#[derive(Copy, Clone, Debug)]
pub struct Event {
    pub userdata: Userdata,
    pub error: Errno,
    pub type_: Eventtype,
    pub fd_readwrite: EventFdReadwrite,
}

#[repr(C)]
#[derive(Copy, Clone, Debug)]
pub struct SubscriptionClock {
    pub id: Clockid,
    pub timeout: Timestamp,
    pub precision: Timestamp,
    pub flags: Subclockflags,
}

#[repr(C)]
#[derive(Copy, Clone, Debug)]
pub struct SubscriptionFdReadwrite {
    pub file_descriptor: Fd,
}

#[repr(C)]
#[derive(Copy, Clone)]
pub union SubscriptionUU {
    pub clock: SubscriptionClock,
    pub fd_read: SubscriptionFdReadwrite,
    pub fd_write: SubscriptionFdReadwrite,
}

#[repr(C)]
#[derive(Copy, Clone)]
pub struct SubscriptionU {
    pub tag: u8,
    pub u: SubscriptionUU,
}

#[repr(C)]
#[derive(Copy, Clone)]
pub struct Subscription {
    pub userdata: Userdata,
    pub u: SubscriptionU,
}

mod preview1 {
    use super::*;
    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    extern "C" {
        pub fn poll_oneoff(
            from: *const Subscription,
            to: *mut Event,
            count: Size,
            events: *mut Size,
        ) -> Errno;
    }
}

/// # Safety
/// `from` and `to` must have room for `count` elements.
pub unsafe fn poll_oneoff(
    from: *const Subscription,
    to: *mut Event,
    count: Size,
) -> Result<Size, Errno> {
    let mut events = 0;
    match preview1::poll_oneoff(from, to, count, &mut events) {
        ERRNO_SUCCESS => Ok(events),
        errno => Err(errno),
    }
}
