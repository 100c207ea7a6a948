import { t } from "../../i18n";
import { to } from "../../router";
import { Card } from "../../ui/Card";

/** What a new owner does first. */
export function Start() {
  return (
    <Card title={t("home.start")}>
      <ol class="start">
        <li>
          <h3><a href={to("/datasets")}>{t("home.start_upload")}</a></h3>
          <p class="soft small">{t("home.start_upload_body")}</p>
        </li>
        <li>
          <h3><a href={to("/new")}>{t("home.start_train")}</a></h3>
          <p class="soft small">{t("home.start_train_body")}</p>
        </li>
        <li>
          <h3>{t("home.start_predict")}</h3>
          <p class="soft small">{t("home.start_predict_body")}</p>
        </li>
      </ol>
    </Card>
  );
}
