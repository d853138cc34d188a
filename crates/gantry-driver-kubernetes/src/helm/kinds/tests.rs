use super::*;

fn serves(all: &[(&str, &str)]) -> Vec<Served> {
    let one = |(api_version, kind): &(&str, &str)| Served {
        api_version: (*api_version).to_owned(),
        kind: (*kind).to_owned(),
    };
    all.iter().map(one).collect()
}

const RENDERED: &str = "\
---
# Source: web/crds/own.yaml
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: owns.example.com }
spec: { group: example.com, names: { kind: Own, plural: owns }, versions: [{ name: v1 }] }
---
# Source: web/templates/a.yaml
apiVersion: v1
kind: ConfigMap
metadata: { name: a }
---
# Source: web/templates/a.yaml
apiVersion: example.com/v1
kind: Own
metadata: { name: own }
---
# Source: web/templates/old.yaml
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: { name: old }
---
# Source: web/charts/db/templates/typo.yaml
apiVersion: apps/v1
kind: Deploymnet
metadata: { name: typo }
---
# Source: web/templates/other.yaml
apiVersion: nvidia.com/v1
kind: ClusterPolicy
metadata: { name: gpu }
";

#[test]
fn unknown_kinds_are_named_with_their_templates_and_what_is_near() {
    let known = serves(&[
        ("v1", "ConfigMap"),
        ("apps/v1", "Deployment"),
        ("policy/v1", "PodDisruptionBudget"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ]);
    let told: Vec<String> = unknown(RENDERED, &known)
        .iter()
        .map(|one| format!("{one}; {}", one.hint().unwrap_or_default()))
        .collect();
    assert_eq!(
        told,
        [
            "the cluster knows no kind PodDisruptionBudget of policy/v1beta1 (poddisruptionbudget/old in \
             web/templates/old.yaml); it knows PodDisruptionBudget of policy/v1",
            "the cluster knows no kind Deploymnet of apps/v1 (deploymnet/typo in \
             web/charts/db/templates/typo.yaml); did you mean Deployment of apps/v1?",
            "the cluster knows no kind ClusterPolicy of nvidia.com/v1 (clusterpolicy/gpu in \
             web/templates/other.yaml); ",
        ]
    );
}
