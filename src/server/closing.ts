/** How to `close`. */
export interface CloseOptions {
  /** Seconds after which the sessions that are left get 421 in any state. Default 30. */
  readonly drain?: number;
  /**
   * Seconds without a whole command or response after which a client within a transaction or an AUTH exchange gets
   * 421. A client that sends the octets of a message is not interrupted. Default 5.
   */
  readonly idle?: number;
  /** Ends the wait when it fires, as the end of `drain` does. */
  readonly signal?: AbortSignal;
}

/** The result of `close`. */
export interface Closed {
  /** Sessions that were cut short. */
  readonly cut: number;
}
