//! Pages of runs. Every filter is answered from an index that is in the order of the list, so a page costs about its own rows however
//! many runs there are.

use sqlx::{QueryBuilder, Sqlite};

use super::{Run, Status};
use crate::ids::{DatasetId, RunId, SweepId};
use crate::store::{Order, Page, PageOf, Store, StoreError};

/// Which runs a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// In one of these states; all when empty.
    pub statuses: Vec<Status>,
    /// Of this family.
    pub family: Option<String>,
    /// On this dataset.
    pub dataset: Option<DatasetId>,
    /// Children of this sweep.
    pub sweep: Option<SweepId>,
    /// Whose metadata has all these keys with these values.
    pub metadata: Vec<(String, String)>,
}

/// A page of an owner's runs.
pub async fn list(
    store: &Store,
    owner: &str,
    filter: &Filter,
    page: &Page,
) -> Result<PageOf<Run>, StoreError> {
    // First the ids alone, from the indexes; then the rows of the page.
    let ids: Vec<RunId> = ids(owner, filter, page)
        .build_query_scalar()
        .fetch_all(store.readers())
        .await?;
    if ids.is_empty() {
        return Ok(PageOf::cut(Vec::<Run>::new(), page.limit));
    }
    let mut query = QueryBuilder::new("SELECT * FROM runs WHERE id IN (");
    let mut wanted = query.separated(", ");
    ids.iter().for_each(|id| {
        wanted.push_bind(*id);
    });
    query.push(")").push(in_order(page.order));
    let rows: Vec<Run> = query.build_query_as().fetch_all(store.readers()).await?;
    Ok(PageOf::cut(rows, page.limit))
}

/// The ids of a page and one more. Each wanted status is a search of its own, because an index on statuses is in the order of ids only
/// within one of them; the searches are cut before they are merged.
fn ids(owner: &str, filter: &Filter, page: &Page) -> QueryBuilder<Sqlite> {
    let mut wanted = filter.statuses.clone();
    wanted.sort_unstable();
    wanted.dedup();
    let mut query = QueryBuilder::new("SELECT id FROM (");
    if wanted.is_empty() {
        search(&mut query, owner, filter, None, page);
    }
    for (position, status) in wanted.iter().enumerate() {
        if position > 0 {
            query.push(" UNION ALL ");
        }
        search(&mut query, owner, filter, Some(*status), page);
    }
    query.push(")").push(in_order(page.order));
    query.push(" LIMIT ").push_bind(i64::from(page.limit) + 1);
    query
}

/// Where a search begins: the index that is named, so that the plan does not depend on statistics nobody gathers. What is rarer goes first.
fn index(filter: &Filter, status: Option<Status>) -> &'static str {
    match (filter.sweep, filter.dataset, status, &filter.family) {
        (Some(_), ..) => "runs_of_sweep",
        // Few runs are in these states at any time.
        (_, _, Some(status), _) if !status.is_terminal() => "runs_of_status",
        (_, Some(_), ..) => "runs_of_dataset",
        (_, _, Some(_), _) => "runs_of_status",
        (_, _, None, Some(_)) => "runs_of_family",
        (_, _, None, None) => "runs_of_owner",
    }
}

fn search(
    query: &mut QueryBuilder<Sqlite>,
    owner: &str,
    filter: &Filter,
    status: Option<Status>,
    page: &Page,
) {
    query.push("SELECT * FROM (SELECT runs.id FROM ");
    let labels = filter.metadata.as_slice();
    let rare = filter.sweep.is_some() || status.is_some_and(|status| !status.is_terminal());
    // A label is searched for where it leads to runs, and looked up where something rarer does.
    let (driver, looked_up) = match labels {
        [first, rest @ ..] if !rare => (Some(first), rest),
        all => (None, all),
    };
    match driver {
        Some((key, value)) => {
            query
                .push("run_labels AS label CROSS JOIN runs ON runs.id = label.run_id WHERE label.owner = ")
                .push_bind(owner.to_owned())
                .push(" AND label.key = ")
                .push_bind(key.clone())
                .push(" AND label.value = ")
                .push_bind(value.clone());
        }
        None => {
            query
                .push("runs INDEXED BY ")
                .push(index(filter, status))
                .push(" WHERE runs.owner = ")
                .push_bind(owner.to_owned());
        }
    }
    if let Some(sweep) = filter.sweep {
        query.push(" AND runs.sweep_id = ").push_bind(sweep);
    }
    if let Some(status) = status {
        query.push(" AND runs.status = ").push_bind(status);
    }
    if let Some(family) = &filter.family {
        query.push(" AND runs.family = ").push_bind(family.clone());
    }
    if let Some(dataset) = filter.dataset {
        query.push(" AND runs.dataset_id = ").push_bind(dataset);
    }
    for (key, value) in looked_up {
        query
            .push(" AND EXISTS (SELECT 1 FROM run_labels AS other WHERE other.owner = ")
            .push_bind(owner.to_owned())
            .push(" AND other.key = ")
            .push_bind(key.clone())
            .push(" AND other.value = ")
            .push_bind(value.clone())
            .push(" AND other.run_id = runs.id)");
    }
    let column = if driver.is_some() {
        "label.run_id"
    } else {
        "runs.id"
    };
    if let Some(after) = &page.after {
        let side = match page.order {
            Order::Desc => " < ",
            Order::Asc => " > ",
        };
        query
            .push(format!(" AND {column}{side}"))
            .push_bind(after.clone());
    }
    let direction = match page.order {
        Order::Desc => "DESC",
        Order::Asc => "ASC",
    };
    query
        .push(format!(" ORDER BY {column} {direction} LIMIT "))
        .push_bind(i64::from(page.limit) + 1)
        .push(")");
}

fn in_order(order: Order) -> &'static str {
    match order {
        Order::Desc => " ORDER BY id DESC",
        Order::Asc => " ORDER BY id ASC",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    fn label(key: &str) -> (String, String) {
        (key.to_owned(), "x".to_owned())
    }

    /// Every filter is answered from an index: no plan reads the table from one end to the other, and none sorts more than the pages
    /// that it merges.
    #[tokio::test]
    async fn every_filter_has_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &Default::default())
            .await
            .unwrap();
        let nil = uuid::Uuid::nil();
        let mut filters = vec![(Filter::default(), "runs_of_owner")];
        for statuses in [
            vec![Status::Failed],
            vec![Status::Queued, Status::Running, Status::Succeeded],
        ] {
            let filter = Filter {
                statuses,
                ..Filter::default()
            };
            filters.push((filter, "runs_of_status"));
        }
        let family = Filter {
            family: Some("regression".to_owned()),
            ..Filter::default()
        };
        let dataset = Filter {
            dataset: Some(DatasetId(nil)),
            ..family.clone()
        };
        let sweep = Filter {
            sweep: Some(SweepId(nil)),
            metadata: vec![label("who")],
            statuses: vec![Status::Succeeded],
            ..dataset.clone()
        };
        let labels = Filter {
            metadata: vec![label("who"), label("why")],
            ..dataset.clone()
        };
        let waiting = Filter {
            statuses: vec![Status::Queued],
            ..labels.clone()
        };
        filters.extend([
            (family, "runs_of_family"),
            (dataset, "runs_of_dataset"),
            (sweep, "runs_of_sweep"),
            (labels, "SEARCH label USING PRIMARY KEY"),
            (waiting, "runs_of_status"),
        ]);
        for (filter, wanted) in filters {
            for order in [Order::Asc, Order::Desc] {
                let page = Page {
                    limit: 20,
                    after: Some("018f".to_owned()),
                    order,
                };
                let plan = plan(&store, ids("ada", &filter, &page)).await;
                let text = plan.join("\n");
                assert!(text.contains(wanted), "{filter:?}:\n{text}");
                assert!(
                    !plan.iter().any(|step| step.starts_with("SCAN runs")),
                    "{filter:?}:\n{text}"
                );
                // Only pages that were cut already are sorted, to merge them.
                for (position, step) in plan.iter().enumerate() {
                    let of_pages = position > 0 && plan[position - 1].starts_with("SCAN (subquery");
                    assert!(
                        !step.contains("TEMP B-TREE") || of_pages,
                        "{filter:?}:\n{text}"
                    );
                }
            }
        }
    }

    async fn plan(store: &Store, query: QueryBuilder<Sqlite>) -> Vec<String> {
        let sql = format!("EXPLAIN QUERY PLAN {}", query.sql().as_str());
        let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .fetch_all(store.readers())
            .await
            .unwrap();
        rows.into_iter().map(|row| row.3).collect()
    }
}
