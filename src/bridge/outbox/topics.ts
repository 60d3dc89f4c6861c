// The topics of one pass. Nothing is known of a topic at first, so one batch finds out and the others wait for it: a
// topic that is gone costs one call, however many of its markers there are.

interface Topic {
  state: 'unknown' | 'open' | 'closed';
  /** The batch that finds out. */
  trial: PromiseWithResolvers<void> | undefined;
}

export class Topics {
  /** No more than there are topics. */
  readonly #topics = new Map<string, Topic>();

  /** Waits while another batch finds out. `false`: the topic takes nothing in this pass. A caller that may go on settles it. */
  async enter(topicArn: string): Promise<boolean> {
    let topic = this.#topics.get(topicArn);
    if (topic === undefined) {
      topic = { state: 'unknown', trial: undefined };
      this.#topics.set(topicArn, topic);
    }
    while (topic.state === 'unknown' && topic.trial !== undefined) await topic.trial.promise;
    if (topic.state === 'unknown') topic.trial = Promise.withResolvers<void>();
    return topic.state !== 'closed';
  }

  /** After the batch. `unknown`: the answer was about the markers and not about the topic. */
  settle(topicArn: string, state: 'unknown' | 'open' | 'closed'): void {
    const topic = this.#topics.get(topicArn);
    if (topic === undefined) return;
    if (state !== 'unknown') topic.state = state;
    topic.trial?.resolve();
    topic.trial = undefined;
  }
}
