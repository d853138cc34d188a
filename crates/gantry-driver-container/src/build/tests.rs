use super::{Said, TAIL, plain};

#[test]
fn lines_are_put_together_and_steps_are_told() {
    let mut said = Said::default();
    assert_eq!(said.take("Step 1/2 : FROM scr"), [""; 0]);
    assert_eq!(
        said.take("atch\n ---> \n[1/2] STEP 2/2: RUN make\n"),
        ["1/2 : FROM scratch", "2/2: RUN make"]
    );
    assert_eq!(said.take("\u{1b}[91mno such file\n\u{1b}[0m\n"), [""; 0]);
    assert_eq!(
        said.lines,
        [
            "Step 1/2 : FROM scratch",
            " --->",
            "[1/2] STEP 2/2: RUN make",
            "no such file"
        ]
    );
    for number in 0..TAIL * 2 {
        said.take(&format!("{number}\n"));
    }
    assert_eq!(said.lines.len(), TAIL);
    assert_eq!(said.lines[0], TAIL.to_string());
}

#[test]
fn a_plain_line_has_no_colours() {
    assert_eq!(plain("\u{1b}[1;32mok\u{1b}[0m\r\n"), "ok");
    assert_eq!(plain("a\tb"), "a\tb");
}
