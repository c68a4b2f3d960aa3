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

#[test]
fn a_newer_reason_that_is_told_as_an_old_one_is_found() {
    use dwell_testkit::conformance::newer::l04_what_a_newer_version_ended_stays_ended as case;

    let told_as_revoked = async |under| case(under, async |_, _, _| {}).await;
    let fault = crate::planted::Fault::None;
    crate::assert_found(fault, "newer", told_as_revoked, "for another reason");
}
