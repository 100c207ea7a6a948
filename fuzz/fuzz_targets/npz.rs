//! Archives: the bytes as they are, and as the members of a sound archive, so that no checksum stands in the way.
#![no_main]

mod arrays;

use descent::data::Packer;

const NAMES: [&str; 6] = ["x.npy", "y.npy", "x_test.npy", "y_test.npy", "cat/1.png", "dog/2.jpg"];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    arrays::read(bytes);
    let mut packer = Packer::default();
    let mut archive = Vec::new();
    let mut rest = bytes;
    // A byte says which member comes, two how long it is.
    while let [name, low, high, content @ ..] = rest {
        let n = usize::from(u16::from_le_bytes([*low, *high])).min(content.len());
        let (content, after) = content.split_at(n);
        archive.extend(packer.begin(NAMES[usize::from(*name) % NAMES.len()]));
        packer.count(content);
        archive.extend(content);
        archive.extend(packer.end());
        rest = after;
    }
    archive.extend(packer.finish());
    arrays::read(&archive);
});
