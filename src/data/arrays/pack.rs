//! Several uploaded files become one: an archive that stores them unchanged, written while they come in. Any tool opens it.
//! Source: as in `archive.rs`; sizes stand behind each member (flag 3), because they are known only then.

/// What frames the bytes of the members; the bytes themselves go by unchanged.
#[derive(Default)]
pub struct Packer {
    done: Vec<Packed>,
    current: Option<Packed>,
    /// Bytes so far.
    offset: u64,
}

struct Packed {
    name: String,
    crc: flate2::Crc,
    n_bytes: u64,
    offset: u64,
}

impl Packer {
    /// The bytes that go before those of a member called `name`.
    pub fn begin(&mut self, name: &str) -> Vec<u8> {
        let name: String = name.chars().take(200).collect();
        let mut head = b"PK\x03\x04".to_vec();
        // Version 2.0, sizes behind the bytes and a name in UTF-8, stored, 1980-01-01.
        for word in [20, 0x0808, 0, 0, 0x21] {
            head.extend(u16::to_le_bytes(word));
        }
        head.extend([0; 12]);
        head.extend((name.len() as u16).to_le_bytes());
        head.extend([0; 2]);
        head.extend(name.as_bytes());
        self.current = Some(Packed {
            name,
            crc: flate2::Crc::new(),
            n_bytes: 0,
            offset: self.offset,
        });
        self.offset += head.len() as u64;
        head
    }

    /// Takes note of bytes of the member.
    pub fn count(&mut self, bytes: &[u8]) {
        if let Some(current) = &mut self.current {
            current.crc.update(bytes);
            current.n_bytes += bytes.len() as u64;
        }
        self.offset += bytes.len() as u64;
    }

    /// The bytes that go behind those of the member.
    pub fn end(&mut self) -> Vec<u8> {
        let Some(member) = self.current.take() else {
            return Vec::new();
        };
        let mut tail = b"PK\x07\x08".to_vec();
        sizes(&member, &mut tail);
        self.offset += tail.len() as u64;
        self.done.push(member);
        tail
    }

    /// The directory. An upload is far below the 4 GiB at which the sizes would not fit.
    pub fn finish(self) -> Vec<u8> {
        let mut directory = Vec::new();
        for member in &self.done {
            directory.extend(b"PK\x01\x02");
            for word in [20, 20, 0x0808, 0, 0, 0x21] {
                directory.extend(u16::to_le_bytes(word));
            }
            sizes(member, &mut directory);
            directory.extend((member.name.len() as u16).to_le_bytes());
            directory.extend([0; 12]);
            directory.extend((member.offset as u32).to_le_bytes());
            directory.extend(member.name.as_bytes());
        }
        let (n, size) = (self.done.len() as u16, directory.len() as u32);
        directory.extend(b"PK\x05\x06\0\0\0\0");
        directory.extend(n.to_le_bytes());
        directory.extend(n.to_le_bytes());
        directory.extend(size.to_le_bytes());
        directory.extend((self.offset as u32).to_le_bytes());
        directory.extend([0; 2]);
        directory
    }
}

/// Checksum, packed and unpacked size.
fn sizes(member: &Packed, out: &mut Vec<u8>) {
    out.extend(member.crc.sum().to_le_bytes());
    out.extend((member.n_bytes as u32).to_le_bytes());
    out.extend((member.n_bytes as u32).to_le_bytes());
}
