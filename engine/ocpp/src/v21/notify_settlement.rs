//! NotifySettlement: a station's payment terminal took the money.

use crate::figure::Figure;
use crate::member::structures;
use crate::time::StationTime;
use crate::v201::ReportedTransaction;
use crate::words::words;

words! {
    /// What became of a payment.
    PaymentStatus {
        /// The money is there.
        Settled = "Settled",
        /// There was nothing to pay.
        Canceled = "Canceled",
        /// The payment provider refused.
        Rejected = "Rejected",
        /// The payment provider could not be reached.
        Failed = "Failed",
    }
}

structures! {
    /// A station tells of a payment.
    NotifySettlementRequest {
        /// For which transaction.
        transaction_id: Option<ReportedTransaction> = optional "transactionId",
        /// The payment provider's name of it; at most 255 characters.
        psp_ref: String = required "pspRef" [chars(255)],
        /// What became of it.
        status: PaymentStatus = required "status",
        /// More about that; at most 500 characters.
        status_info: Option<String> = optional "statusInfo" [chars(500)],
        /// How much, in the station's currency; `None` where it is missing or unreadable.
        settlement_amount: Option<Figure> = required "settlementAmount",
        /// When.
        settlement_time: StationTime = required "settlementTime",
        /// The receipt's number; at most 50 characters.
        receipt_id: Option<String> = optional "receiptId" [chars(50)],
        /// The receipt's address; at most 2000 characters.
        receipt_url: Option<String> = optional "receiptUrl" [chars(2000)],
        /// The company that wants an invoice.
        vat_company: Option<Box<Address>> = optional "vatCompany",
        /// Its VAT number; at most 20 characters.
        vat_number: Option<String> = optional "vatNumber" [chars(20)],
    }

    /// A company.
    Address {
        /// Its name; at most 50 characters.
        name: String = required "name" [chars(50)],
        /// Street and number; at most 100 characters.
        address1: String = required "address1" [chars(100)],
        /// More of that; at most 100 characters.
        address2: Option<String> = optional "address2" [chars(100)],
        /// The town; at most 100 characters.
        city: String = required "city" [chars(100)],
        /// Its code; at most 20 characters.
        postal_code: Option<String> = optional "postalCode" [chars(20)],
        /// The country; at most 50 characters.
        country: String = required "country" [chars(50)],
    }

    /// Our answer.
    NotifySettlementResponse {
        /// The receipt's address, where we make receipts; at most 2000 characters.
        receipt_url: Option<String> = optional "receiptUrl" [chars(2000)],
        /// The receipt's number, where we make receipts; at most 50 characters.
        receipt_id: Option<String> = optional "receiptId" [chars(50)],
    }
}
