//! A closed-loop load generator on raw sockets: each connection sends its next request when the answer to the last one is in.
//! Parsing no more than the length of an answer keeps its own cost far below the server's.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What one round of load saw.
pub struct Load {
    pub requests_per_s: f64,
    pub p99_ms: f64,
}

/// The bytes of one POST request.
pub fn post(path: &str, token: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Drives `connections` connections for `time` and counts answers. Anything but a 200 is an error.
pub async fn run(
    address: SocketAddr,
    request: &[u8],
    connections: usize,
    time: Duration,
) -> anyhow::Result<Load> {
    let started = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(connection(address, request.to_vec(), started + time)))
        .collect();
    let mut latencies_us = Vec::new();
    for task in tasks {
        latencies_us.extend(task.await??);
    }
    let elapsed = started.elapsed().as_secs_f64();
    let n_requests = latencies_us.len();
    latencies_us.sort_unstable();
    let p99 = latencies_us
        .get(n_requests * 99 / 100)
        .context("no request was answered")?;
    Ok(Load {
        requests_per_s: n_requests as f64 / elapsed,
        p99_ms: f64::from(*p99) / 1000.0,
    })
}

async fn connection(
    address: SocketAddr,
    request: Vec<u8>,
    until: Instant,
) -> anyhow::Result<Vec<u32>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0_u8; 64 * 1024];
    let mut latencies_us = Vec::with_capacity(1 << 16);
    while Instant::now() < until {
        let sent = Instant::now();
        stream.write_all(&request).await?;
        read_answer(&mut stream, &mut buffer).await?;
        latencies_us.push(u32::try_from(sent.elapsed().as_micros())?);
    }
    Ok(latencies_us)
}

async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    let mut n_read = 0;
    let mut n_wanted = None;
    loop {
        if n_read == buffer.len() {
            buffer.resize(buffer.len() * 2, 0);
        }
        let n = stream.read(&mut buffer[n_read..]).await?;
        if n == 0 {
            bail!(
                "the server closed the connection: {}",
                String::from_utf8_lossy(&buffer[..n_read])
            );
        }
        n_read += n;
        if n_wanted.is_none() {
            n_wanted = answer_length(&buffer[..n_read])?;
        }
        if n_wanted.is_some_and(|n| n_read >= n) {
            return Ok(());
        }
    }
}

/// The length of head and body together once the head is complete.
fn answer_length(bytes: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(head_end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..head_end])?;
    if !head.starts_with("HTTP/1.1 200") {
        bail!("the server answered {}", String::from_utf8_lossy(bytes));
    }
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length:")
                .map(|n| n.trim().parse::<usize>())
        })
        .context("an answer without a content-length")??;
    Ok(Some(head_end + 4 + length))
}
