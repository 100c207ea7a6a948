import { useMemo } from "preact/hooks";
import type { Landscape } from "../../api/types";
import { t } from "../../i18n";
import { Chart } from "../../ui/Chart";

type ProfileData = NonNullable<Landscape["barrier"]>["profile"];

/** The loss on the way from one run's weights (0) to the other's (1). */
export function Profile({ profile }: { profile: ProfileData }) {
  const lines = useMemo(() => [{ label: t("descent.loss"), colour: 1, values: profile.loss }], [profile]);
  return <Chart label={t("descent.barrier")} x={profile.t} lines={lines} height={220} xLabel={t("descent.way")} />;
}
