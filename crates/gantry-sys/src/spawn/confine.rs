//! The steps that confine the child. They run where those of `child` run, under the same rules.
//!
//! | before the user is changed | after |
//! |---|---|
//! | a view of the files of its own, `/tmp`, read-only paths: need root (or a user namespace) | what it has of capabilities |
//! | the bound of what it can ever have of capabilities | handing them on to programs |
//! | capabilities are to outlive the change | giving up to gain privileges |

use std::ffi::CStr;
use std::ptr;

use super::child::{check, write_file};
use super::stage::Stage;
use crate::capability::CapabilitySet;
use crate::raw::raw;
use crate::sandbox::Sandbox;
use crate::user::Credentials;

/// A sandbox, prepared.
pub(super) struct Confinement {
    sandbox: Sandbox,
    /// Whether the bound may be changed.
    bounds: bool,
    /// Whether it is born into a user namespace of its own, since else it may not mount.
    own_user_namespace: bool,
    last_capability: u32,
    uid_map: [u8; MAP],
    gid_map: [u8; MAP],
}

/// Room for `UID UID 1`.
const MAP: usize = 32;

type Step = Result<(), (Stage, i32)>;

impl Confinement {
    pub(super) fn new(sandbox: Sandbox, credentials: Option<&Credentials>) -> Self {
        let ours = CapabilitySet::ours();
        let may = |name| {
            !CapabilitySet::of(&[name])
                .unwrap_or_default()
                .and(ours)
                .is_empty()
        };
        let last = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap_or_default();
        let map = |id: u32| {
            let mut map = [0; MAP];
            let text = format!("{id} {id} 1");
            map[..text.len()].copy_from_slice(text.as_bytes());
            map
        };
        let mounts = sandbox.needs_mounts();
        Self {
            sandbox,
            bounds: may("setpcap"),
            own_user_namespace: mounts && !may("sys-admin") && credentials.is_none(),
            last_capability: last.trim().parse().unwrap_or(40).min(63),
            uid_map: map(rustix::process::geteuid().as_raw()),
            gid_map: map(rustix::process::getegid().as_raw()),
        }
    }

    pub(super) fn own_user_namespace(&self) -> bool {
        self.own_user_namespace
    }

    /// # Safety
    ///
    /// As for `child::run`.
    pub(super) unsafe fn before_user(&self) -> Step {
        // SAFETY: system calls that take numbers, or pointers to strings that end in NUL.
        unsafe {
            if self.own_user_namespace {
                // Nobody but itself is known in there, under its own number.
                write(c"/proc/self/setgroups", b"deny")?;
                write(c"/proc/self/uid_map", &self.uid_map)?;
                write(c"/proc/self/gid_map", &self.gid_map)?;
            }
            if self.sandbox.needs_mounts() {
                self.mount()?;
            }
            let Some(kept) = self.sandbox.capabilities else {
                return Ok(());
            };
            if self.bounds {
                for number in (0..=self.last_capability).filter(|number| !kept.has(*number)) {
                    let dropped = raw!(libc::SYS_prctl, libc::PR_CAPBSET_DROP, number, 0, 0, 0);
                    check(Stage::Capabilities, dropped)?;
                }
            }
            if self.sandbox.ambient {
                let kept = raw!(libc::SYS_prctl, libc::PR_SET_KEEPCAPS, 1, 0, 0, 0);
                check(Stage::Capabilities, kept)?;
            }
            Ok(())
        }
    }

    /// # Safety
    ///
    /// As for `child::run`.
    pub(super) unsafe fn after_user(&self) -> Step {
        // SAFETY: system calls that take numbers, or pointers to structures as the kernel has them.
        unsafe {
            if let Some(kept) = self.sandbox.capabilities {
                self.keep(kept)?;
            }
            if self.sandbox.no_new_privileges {
                let set = raw!(libc::SYS_prctl, libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
                check(Stage::NoNewPrivileges, set)?;
            }
            Ok(())
        }
    }

    /// # Safety
    ///
    /// As for `child::run`.
    unsafe fn keep(&self, kept: CapabilitySet) -> Step {
        // Version 3 of the structures: two words of each set.
        let mut header = [0x2008_0522_u32, 0];
        let mut now = [[0_u32; 3]; 2];
        // SAFETY: header and sets are as large as the kernel's structures of this version.
        unsafe {
            let got = raw!(libc::SYS_capget, &raw mut header, &raw mut now);
            check(Stage::Capabilities, got)?;
            let mut sets = [[0_u32; 3]; 2];
            for (set, (now, kept)) in sets.iter_mut().zip(now.iter().zip(kept.words())) {
                let [_, permitted, _] = *now;
                // Effective, permitted, inheritable.
                let wanted = permitted & kept;
                *set = [
                    wanted,
                    wanted,
                    if self.sandbox.ambient { wanted } else { 0 },
                ];
            }
            let set = raw!(libc::SYS_capset, &raw const header, &raw const sets);
            check(Stage::Capabilities, set)?;
            if self.sandbox.ambient {
                for number in (0..=self.last_capability).filter(|number| kept.has(*number)) {
                    let raise = libc::PR_CAP_AMBIENT_RAISE;
                    let raised = raw!(libc::SYS_prctl, libc::PR_CAP_AMBIENT, raise, number, 0, 0);
                    check(Stage::Capabilities, raised)?;
                }
            }
        }
        Ok(())
    }

    /// # Safety
    ///
    /// As for `child::run`.
    unsafe fn mount(&self) -> Step {
        const TMPFS: &CStr = c"tmpfs";
        let nothing = ptr::null::<libc::c_char>();
        // SAFETY: as for the callers; working folder and root are the child's own, since nothing is
        // shared of them (no CLONE_FS).
        unsafe {
            let unshared = raw!(libc::SYS_unshare, libc::CLONE_NEWNS);
            check(Stage::Namespaces, unshared)?;
            // What is mounted later outside is seen inside, but nothing gets out.
            let slave = libc::MS_REC | libc::MS_SLAVE;
            let set = raw!(
                libc::SYS_mount,
                nothing,
                c"/".as_ptr(),
                nothing,
                slave,
                nothing
            );
            check(Stage::Namespaces, set)?;
            for path in &self.sandbox.read_only {
                let bind = libc::MS_BIND | libc::MS_REC;
                let bound = raw!(
                    libc::SYS_mount,
                    path.as_ptr(),
                    path.as_ptr(),
                    nothing,
                    bind,
                    nothing
                );
                check(Stage::ReadOnly, bound)?;
                let wanted = MountAttributes {
                    set: MOUNT_ATTR_RDONLY,
                    ..MountAttributes::default()
                };
                let set = raw!(
                    libc::SYS_mount_setattr,
                    libc::AT_FDCWD,
                    path.as_ptr(),
                    AT_RECURSIVE,
                    &raw const wanted,
                    size_of::<MountAttributes>(),
                );
                check(Stage::ReadOnly, set)?;
            }
            if self.sandbox.private_tmp {
                for place in [c"/tmp", c"/var/tmp"] {
                    let flags = libc::MS_NOSUID | libc::MS_NODEV;
                    let mounted = raw!(
                        libc::SYS_mount,
                        TMPFS.as_ptr(),
                        place.as_ptr(),
                        TMPFS.as_ptr(),
                        flags,
                        c"mode=1777".as_ptr(),
                    );
                    match check(Stage::PrivateTmp, mounted) {
                        Err((_, libc::ENOENT)) => {}
                        other => drop(other?),
                    }
                }
            }
        }
        Ok(())
    }
}

/// `struct mount_attr`.
#[repr(C)]
#[derive(Default)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

const MOUNT_ATTR_RDONLY: u64 = 1;
const AT_RECURSIVE: libc::c_int = 0x8000;

/// Write to a file of the kernel's, up to the first NUL.
///
/// # Safety
///
/// As for `child::run`.
unsafe fn write(path: &CStr, text: &[u8]) -> Step {
    let length = text.iter().position(|byte| *byte == 0);
    let length = length.unwrap_or(text.len());
    // SAFETY: as the caller says.
    unsafe { write_file(Stage::Namespaces, path, &text[..length]) }
}
