//! What a stack file says of a container, as the container itself sees it.

use gantry_test::{Engine, Sandbox};

use crate::support::{stack_id, wait_until_printed};

const STACK: &str = r#"
name = "options"

[services.inside]
env = { A = "one" }
stop = { grace = "0s" }
[services.inside.container]
image = "IMAGE"
engine = "ENGINE"
pull = "never"
entrypoint = ["sh", "-c"]
command = ['''SCRIPT''']
folder = "/bin"
volumes = ["./notes:/notes:ro", "data:/data"]
tmpfs = "/scratch:size=1m"
shm-size = "8MiB"
devices = "/dev/null:/dev/mine:rw"
cap-add = "NET_ADMIN"
cap-drop = "CHOWN"
read-only = true
hosts = { "extra.example" = "192.0.2.7" }
labels = { team = "a" }
networks = "NETWORK"

[services.user]
stop = { grace = "0s" }
[services.user.container]
image = "IMAGE"
engine = "ENGINE"
pull = "never"
user = "1000:1001"
command = ["sh", "-c", "id -u; id -g; exec sleep 1000"]
"#;

/// One line for each thing.
const SCRIPT: &str = r#"
echo "$A"
pwd
caps=0x$(grep CapEff /proc/self/status | cut -f 2)
echo "chown $((caps & 1)) net-admin $((caps >> 12 & 1))"
df -k /dev/shm | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2
grep ' /scratch ' /proc/mounts | cut -d ' ' -f 1
touch /new 2>/dev/null || echo "read-only"
test -c /dev/mine && echo "a device"
cat /notes/note
touch /notes/new 2>/dev/null || echo "notes are kept"
touch /data/new && echo "data is written"
grep extra.example /etc/hosts | tr '\t' ' ' | cut -d ' ' -f 1
exec sleep 1000
"#;

const SEEN: [&str; 11] = [
    "one",
    "/bin",
    "chown 0 net-admin 1",
    "8192",
    "tmpfs",
    "read-only",
    "a device",
    "noted",
    "notes are kept",
    "data is written",
    "192.0.2.7",
];

fn a_container_is_as_its_file_says(engine: &Engine) {
    let sandbox = Sandbox::new();
    let network = format!("gantry-options-{}", std::process::id());
    let made = engine.say(&["network", "create", &network]);
    made.expect("a network of somebody else's");
    let file = STACK
        .replace("IMAGE", engine.image())
        .replace("ENGINE", engine.address())
        .replace("NETWORK", &network)
        .replace("SCRIPT", &SCRIPT.replace('$', "$$"));
    sandbox.write("gantry.toml", &file);
    sandbox.write("notes/note", "noted\n");
    sandbox.gantry(["up", "-d"]).expect(0);
    wait_until_printed(&sandbox, "inside", &SEEN);
    wait_until_printed(&sandbox, "user", &["1000", "1001"]);

    let container = format!("gantry-{}-inside-1", stack_id(&sandbox));
    let asked = r#"{{index .Config.Labels "team"}} in {{len .NetworkSettings.Networks}}"#;
    let told = engine.say(&["inspect", "--format", asked, &container]);
    assert_eq!(told.as_deref(), Some("a in 2"));
    sandbox.gantry(["down", "--purge"]).expect(0);
    // It was there before.
    let gone = engine.say(&["network", "rm", &network]);
    gone.expect("the network is still there, and nobody is in it");
}

#[test]
fn on_docker_a_container_is_as_its_file_says() {
    let Some(engine) = Engine::docker() else {
        return gantry_test::skip("options of containers", "a Docker engine");
    };
    a_container_is_as_its_file_says(&engine);
}

#[test]
fn on_podman_a_container_is_as_its_file_says() {
    let Some(engine) = Engine::podman() else {
        return gantry_test::skip("options of containers", "a Podman engine");
    };
    a_container_is_as_its_file_says(&engine);
}
