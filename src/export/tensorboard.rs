//! Metrics as TensorBoard reads them: a file of records, each an `Event` of protobuf with two check sums.
//!
//! ```text
//! u64 length | u32 masked CRC-32C of it | the event | u32 masked CRC-32C of the event        all little-endian
//! ```
//! Values are 32-bit floats there, so a value is rounded to the nearest one.

use prost::Message;

/// One record: what the file is, or points of scalars.
#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, optional, tag = "1")]
    wall_time: Option<f64>,
    #[prost(int64, optional, tag = "2")]
    step: Option<i64>,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Scalar>,
}

#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, optional, tag = "1")]
    tag: Option<String>,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// The name of the file of a run that began at this moment; what reads a folder of runs looks for `tfevents` in names.
pub fn file_name(started_at_ms: i64) -> String {
    format!("events.out.tfevents.{}.descent", started_at_ms / 1000)
}

/// The first record of a file.
pub fn begin(started_at_ms: i64, out: &mut Vec<u8>) {
    let event = Event {
        wall_time: Some(seconds(started_at_ms)),
        file_version: Some("brain.Event:2".to_owned()),
        ..Event::default()
    };
    record(&event, out);
}

/// A record for each point of a series, all at one moment.
pub fn points(
    series: &str,
    at_ms: i64,
    points: impl Iterator<Item = (u64, f64)>,
    out: &mut Vec<u8>,
) {
    for (step, value) in points {
        let scalar = Scalar {
            tag: Some(series.to_owned()),
            simple_value: Some(value as f32),
        };
        let event = Event {
            wall_time: Some(seconds(at_ms)),
            step: i64::try_from(step).ok(),
            summary: Some(Summary {
                value: vec![scalar],
            }),
            ..Event::default()
        };
        record(&event, out);
    }
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

fn record(event: &Event, out: &mut Vec<u8>) {
    let data = event.encode_to_vec();
    let length = (data.len() as u64).to_le_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&masked(crc32c(&length)).to_le_bytes());
    out.extend_from_slice(&data);
    out.extend_from_slice(&masked(crc32c(&data)).to_le_bytes());
}

/// The sum as it is stored: sums of data that holds sums would be weak.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Remainders of all bytes for the polynomial of Castagnoli, bits reversed.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut rest, mut bit) = (byte as u32, 0);
        while bit < 8 {
            rest = if rest & 1 == 1 {
                rest >> 1 ^ 0x82f6_3b78
            } else {
                rest >> 1
            };
            bit += 1;
        }
        table[byte] = rest;
        byte += 1;
    }
    table
};

/// CRC-32C (RFC 3720 12.1).
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        TABLE[((crc ^ u32::from(byte)) & 255) as usize] ^ crc >> 8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_sum_is_castagnolis() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(b""), 0);
    }

    /// The events of a file, every sum checked.
    fn read(mut file: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while !file.is_empty() {
            let (length, rest) = file.split_at(8);
            let (sum, rest) = rest.split_at(4);
            assert_eq!(sum, masked(crc32c(length)).to_le_bytes());
            let (data, rest) =
                rest.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
            let (sum, rest) = rest.split_at(4);
            assert_eq!(sum, masked(crc32c(data)).to_le_bytes());
            events.push(Event::decode(data).unwrap());
            file = rest;
        }
        events
    }

    #[test]
    fn points_come_back_out_of_the_file() {
        let mut file = Vec::new();
        begin(1_700_000_000_500, &mut file);
        points(
            "loss",
            1_700_000_001_000,
            [(0, 0.0), (7, 0.1)].into_iter(),
            &mut file,
        );
        let events = read(&file);
        assert_eq!(events[0].file_version.as_deref(), Some("brain.Event:2"));
        assert_eq!(events[0].wall_time, Some(1_700_000_000.5));
        let scalar = |event: &Event| event.summary.clone().unwrap().value[0].clone();
        assert_eq!(
            scalar(&events[1]).simple_value,
            Some(0.0),
            "zero is a value"
        );
        assert_eq!(
            (events[2].step, scalar(&events[2]).simple_value),
            (Some(7), Some(0.1))
        );
        assert_eq!(scalar(&events[2]).tag.as_deref(), Some("loss"));
        assert_eq!(
            file_name(1_700_000_000_500),
            "events.out.tfevents.1700000000.descent"
        );
    }
}
