//! A store that hands nothing over fails every case about that.

use crate::assert_found;
use crate::planted::Fault;

crate::teeth! {
    a_store_that_forgets_what_nobody_reported_is_found: None {
        outliving::l12_an_end_that_nobody_acknowledged_is_handed_out_again, "handed out again";
        outliving::l12_what_a_reaper_ended_and_did_not_report_is_handed_out_again, "every one of them";
        outliving::l12_an_unreported_end_is_handed_to_one_of_many_reapers, "goes to one of them";
        outliving::l12_an_end_is_not_forgotten_before_it_is_reported, "its time is over";
    }
}
