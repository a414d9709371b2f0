//! An echo server as one would write it with the standard library: blocking, one client at a time,
//! on the listener that is granted as descriptor 3.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::wasi::io::FromRawFd;

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n])?;
    }
}

fn main() {
    let listener = unsafe { TcpListener::from_raw_fd(3) };
    for stream in listener.incoming() {
        if let Err(error) = stream.and_then(serve) {
            eprintln!("{error}"); // of one client, or for want of buffers: the others go on
        }
    }
}
