const README: &str = include_str!("../../README.md");

/// The blocks of code in one language.
fn blocks(language: &str) -> Vec<&'static str> {
    let begin = format!("```{language}\n");
    let parts = README.split(&*begin).skip(1);
    parts.map(|part| part.split_once("```").unwrap().0).collect()
}

#[test]
fn every_program_of_the_readme_is_one_that_is_compiled() {
    let compiled = [
        include_str!("../../docs/readme/build.rs"),
        include_str!("../../docs/readme/main.rs"),
        include_str!("../../docs/readme/layer.rs"),
    ];
    assert_eq!(blocks("rust"), compiled);
    assert_eq!(blocks("proto"), [include_str!("../../docs/readme/hello.proto")]);
}
