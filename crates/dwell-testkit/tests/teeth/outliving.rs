//! A store that hands no ends over: the outliving cases find it.

use crate::assert_found;
use crate::planted::Fault;

crate::teeth! {
    forgotten_unreported_ends_are_found: None {
        outliving::l12_unacknowledged_end_is_handed_out_again, "handed out again";
        outliving::l12_unreported_reaped_ends_are_handed_out_again, "every one of them";
        outliving::l12_unreported_end_goes_to_one_of_many_reapers, "goes to one of them";
        outliving::l12_end_is_kept_until_reported, "time is over";
    }
}
