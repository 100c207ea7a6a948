// Which members of the schema the form shows where. The test that all they say is known in Korean goes by the same lists.

/** Members of a part that another card writes, or that are left to the document. */
export const ELSEWHERE = { training: ["checkpoint", "augmentation"], task: ["kind", "target", "features"] };

/** Members of the document that few need. */
export const FOLDED = ["resources", "priority", "metadata"];
