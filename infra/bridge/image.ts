import { aws_ecr_assets as assets, aws_ecs as ecs } from 'aws-cdk-lib';
import { requireArtifact } from '../tools/package-root.ts';

/** Where the container image comes from. */
export class ProgramImage {
  /** The image of this package, built on the machine that deploys. */
  static fromPackage(architecture: ecs.CpuArchitecture): ecs.ContainerImage {
    return ecs.ContainerImage.fromAsset(requireArtifact('container'), {
      // The image has no RUN, so either architecture is built anywhere.
      platform:
        architecture === ecs.CpuArchitecture.ARM64
          ? assets.Platform.LINUX_ARM64
          : assets.Platform.LINUX_AMD64,
    });
  }
}
