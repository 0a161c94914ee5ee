//! How controls and requirements belong together: the mapping collection, and the component definition.

use super::super::package::{Control, Framework, Mapping, Package};
use super::{CONTROLS, NS, Names, line, metadata, ours, prose, wire};

/// Every mapping of every control; `None`: there is none.
pub fn collection(package: &Package<'_>, names: &Names) -> Option<wire::MappingCollection> {
    let mappings: Vec<wire::Mapping> = each(package, names)
        .map(|(framework, at, pairs)| {
            let resource = |href: String| wire::MappedResource { r#type: "catalog", href };
            wire::Mapping {
                uuid: package.identities.lasting(&["mapping", &framework.id]),
                source_resource: resource(CONTROLS.to_owned()),
                target_resource: resource(names.catalog(at)),
                maps: pairs.into_iter().map(|(control, mapping, target)| map(package, names, control, mapping, target)).collect(),
            }
        })
        .collect();
    (!mappings.is_empty()).then(|| wire::MappingCollection {
        uuid: package.identities.of_assessment(&["mapping-collection"]),
        metadata: metadata(package, &format!("{}: controls and frameworks", package.assessment.name)),
        provenance: wire::Provenance {
            method: "human",
            matching_rationale: "semantic",
            status: "complete",
            mapping_description: "What the authors of the controls say of how each promise and a requirement relate (NIST IR 8477).",
        },
        mappings,
    })
}

/// The frameworks to which controls are mapped, with their number, and each mapping with the requirement's name.
fn each<'p>(
    package: &'p Package<'_>,
    names: &'p Names,
) -> impl Iterator<Item = (&'p Framework, usize, Vec<(&'p Control, &'p Mapping, String)>)> {
    package.assessment.frameworks.iter().enumerate().filter_map(move |(at, framework)| {
        let mut pairs = Vec::new();
        for control in &package.assessment.controls {
            for mapping in control.maps_to.iter().filter(|mapping| mapping.framework == framework.id) {
                pairs.extend(names.requirement(framework, &mapping.requirement).map(|name| (control, mapping, name)));
            }
        }
        (!pairs.is_empty()).then_some((framework, at, pairs))
    })
}

/// OSCAL has words for how sets relate, and none for support: that word is ours.
fn map(package: &Package<'_>, names: &Names, control: &Control, mapping: &Mapping, target: String) -> wire::Map {
    let (ns, relationship) = match mapping.relationship.as_str() {
        "equal" => (None, "equal-to"),
        "equivalent-to" | "subset-of" | "superset-of" | "intersects-with" => (None, mapping.relationship.as_str()),
        own => (Some(NS), own),
    };
    let item = |id_ref| wire::MappedItem { r#type: "control", id_ref };
    let rationale = mapping.rationale.trim();
    wire::Map {
        uuid: package.identities.lasting(&["map", &control.id, &mapping.framework, &mapping.requirement, &mapping.written]),
        ns,
        relationship: relationship.to_owned(),
        sources: [item(names.control(&control.id))],
        targets: [item(target)],
        props: vec![ours("as-written", &mapping.written)],
        remarks: (!rationale.is_empty()).then(|| prose(rationale)),
    }
}

/// The controls as one component that implements requirements.
pub fn components(package: &Package<'_>, names: &Names) -> wire::ComponentDefinition {
    let implementations = each(package, names).map(|(framework, at, pairs)| wire::ControlImplementation {
        uuid: package.identities.lasting(&["control-implementation", &framework.id]),
        source: names.catalog(at),
        description: format!("The controls that are mapped to {}.", line(&framework.title)),
        implemented_requirements: pairs
            .into_iter()
            .map(|(control, mapping, name)| implemented(package, control, mapping, name, names))
            .collect(),
    });
    wire::ComponentDefinition {
        uuid: package.identities.of_assessment(&["component-definition"]),
        metadata: metadata(package, &format!("{}: controls as implemented requirements", package.assessment.name)),
        components: vec![wire::DefinedComponent {
            uuid: package.identities.lasting(&["component"]),
            r#type: "policy",
            title: line(&package.assessment.name),
            description: "What the organisation promises about its non-human identities, and checks against evidence.".to_owned(),
            control_implementations: implementations.collect(),
        }],
    }
}

fn implemented(package: &Package<'_>, control: &Control, mapping: &Mapping, name: String, names: &Names) -> wire::ImplementedRequirement {
    let id = names.control(&control.id);
    wire::ImplementedRequirement {
        uuid: package.identities.lasting(&["implemented", &control.id, &mapping.framework, &mapping.requirement, &mapping.written]),
        control_id: name,
        description: format!("{}\n\n{}", line(&format!("{}: {}", control.id, control.title)), prose(&control.statement)),
        props: vec![ours("control", &control.id), ours("relationship", &mapping.relationship), ours("severity", &control.severity)],
        links: vec![wire::Link { href: format!("{CONTROLS}#{id}"), rel: "reference" }],
    }
}
