//! Memory that was needed once.

use std::ffi::c_void;

/// Give the memory that is free but held back to the system. Takes milliseconds: for a process that has just
/// done much and will do little for a while.
///
/// An allocator keeps what is freed for the next allocation, and the kernel maps the pages of the program around
/// each that is used. Bringing up thousands of services needs a multiple of what watching them does, of both, and
/// who watches them may do so for weeks.
pub fn give_back_memory() {
    // SAFETY: it takes no pointer, may be called from any thread at any time, and looks only at the calling
    // thread's heap and at what no thread owns. Where another allocator is in use there is nothing to give.
    unsafe { libmimalloc_sys::mi_collect(true) }
    // SAFETY: the callback has the type that is asked for, and no data.
    unsafe { libc::dl_iterate_phdr(Some(let_go_of_program), std::ptr::null_mut()) };
}

/// Lets go of the program's own code and constants. They stay in the system's cache of files, and what is used is
/// mapped again when it is used.
unsafe extern "C" fn let_go_of_program(
    object: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    _data: *mut c_void,
) -> i32 {
    // SAFETY: the loader gives an object that lives as long as the call.
    let object = unsafe { &*object };
    // SAFETY: so many headers are there, by the same word, and stay there as long as the object is loaded.
    let headers =
        unsafe { std::slice::from_raw_parts(object.dlpi_phdr, usize::from(object.dlpi_phnum)) };
    for header in headers {
        // What is writable, or was while addresses were put into it, is ours alone and in no file.
        let only_read = header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0;
        let from = usize::try_from(object.dlpi_addr.wrapping_add(header.p_vaddr));
        let (Ok(from), Ok(length)) = (from, usize::try_from(header.p_memsz)) else {
            continue;
        };
        let Some((start, length)) = whole_pages(from, length).filter(|_| only_read) else {
            continue;
        };
        // SAFETY: these pages are mapped from the program's file and nobody can have written to them, so that the next
        // look finds the same in them. Whoever runs in them meanwhile is held up by no more than that.
        unsafe { libc::madvise(start, length, libc::MADV_DONTNEED) };
    }
    // The first object is the program itself; libraries are shared with everyone.
    1
}

/// The pages that are wholly in a segment.
fn whole_pages(from: usize, length: usize) -> Option<(*mut c_void, usize)> {
    let page = rustix::param::page_size();
    let end = from.checked_add(length)? & !(page - 1);
    let start = from.checked_next_multiple_of(page)?;
    (start < end).then(|| (std::ptr::with_exposed_provenance_mut(start), end - start))
}

#[cfg(test)]
mod tests {
    use super::give_back_memory;

    fn program_resident() -> u64 {
        let maps = std::fs::read_to_string("/proc/self/smaps").expect("our own maps");
        let program = std::fs::read_link("/proc/self/exe").expect("our program");
        let program = program.to_string_lossy();
        let mut ours = false;
        let mut sum = 0;
        for line in maps.lines() {
            if line.contains('-') && line.contains(" r-xp ") {
                ours = line.ends_with(&*program);
            } else if let Some(rest) = line.strip_prefix("Rss:").filter(|_| ours) {
                sum += rest
                    .trim()
                    .trim_end_matches(" kB")
                    .parse::<u64>()
                    .expect("a number");
            }
        }
        sum
    }

    #[test]
    fn the_program_goes_on_with_less_of_itself() {
        let sums: Vec<String> = (0..1000).map(|it| it.to_string()).collect();
        // Other tests run in the same program, and bring back of it what they need.
        let mut seen = Vec::new();
        let has_less = (0..50).any(|_| {
            let before = program_resident();
            give_back_memory();
            let after = program_resident();
            seen.push((before, after));
            after < before
        });
        assert!(has_less, "KiB before and after: {seen:?}");
        assert_eq!(sums[999], "999");
    }
}
