// What every row of the table has, whatever it is: a credential, a counter.

/** The table's partition key. */
export const KEY_ATTRIBUTE = 'pk';
/** The attribute to name in the table's TimeToLiveSpecification; of credentials and of counters. */
export const TTL_ATTRIBUTE = 'ttl';
