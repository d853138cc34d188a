//! What only a driver can look at: its engine, its rights, its versions.

use futures::future::BoxFuture;
use gantry_driver::{Around, Missing, Need};

use super::{Check, Subject, Surroundings};
use crate::holder;

pub(super) struct Backend;

impl Check for Backend {
    fn name(&self) -> &'static str {
        "backend"
    }

    fn knows(&self, subject: &Subject) -> bool {
        matches!(subject, Subject::Need(Need::Backend { .. }))
    }

    fn look<'a>(
        &'a self,
        subject: &'a Subject,
        around: &'a Surroundings,
    ) -> BoxFuture<'a, Result<(), Missing>> {
        Box::pin(async move {
            let Subject::Need(need) = subject else {
                return Ok(());
            };
            // A driver answers for needs of other drivers with "nothing is missing".
            for driver in &around.drivers {
                let around = Around {
                    stack: &around.stack,
                    host: &around.host,
                    holder: holder::held,
                };
                driver.examine_around(need, around).await?;
            }
            Ok(())
        })
    }
}
