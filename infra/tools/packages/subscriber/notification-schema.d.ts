import type { SesNotification } from './ses-notification.js';

/** Validates the JSON of the SNS message. Usable with every library that takes a Standard Schema. */
export interface NotificationSchema {
  /** https://standardschema.dev */
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (
      value: unknown,
    ) => StandardResult<SesNotification> | Promise<StandardResult<SesNotification>>;
    readonly types?: { readonly input: SesNotification; readonly output: SesNotification };
  };
  /** The notification. @throws an error that lists what is wrong */
  parse(value: unknown): SesNotification;
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[];
      }[];
    };

export declare const notificationSchema: NotificationSchema;
