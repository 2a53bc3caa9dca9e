# Writes tests/r/formulas.csv and formulas-session.txt: model.matrix, lme4, lmerTest and emmeans on the same data.
# Run in the repository after `python -m tests.r.simulate`:  Rscript tests/r/formulas.R
suppressMessages({library(lme4); library(lmerTest); library(emmeans)})
here <- "tests/r"
data <- read.csv(file.path(here, "factors.csv"))
data$a <- factor(data$a)
data$b <- factor(data$b)
out <- NULL
put <- function(case, term, quantity, value) {
  out <<- rbind(out, data.frame(case = case, term = term, quantity = quantity, value = sprintf("%.10g", value)))
}
linear <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5))
logistic <- glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5), tolPwrss = 1e-12)
in_r <- function(text) {
  text <- gsub("C\\((\\w), (Sum|Helmert)\\)", "C(\\1, contr.\\L\\2)", text, perl = TRUE)
  gsub("C\\(b, Treatment\\('mid'\\)\\)", "relevel(b, ref = 'mid')", text)
}
summarised <- function(case, model) {
  table <- coef(summary(model))
  for (row in seq_len(nrow(table))) {
    for (column in colnames(table)) put(case, rownames(table)[row], column, table[row, column])
  }
  put(case, "model", "logLik", as.numeric(logLik(model)))
}
for (text in readLines(file.path(here, "formulas.txt"))) {
  formula <- as.formula(in_r(text))
  for (name in colnames(model.matrix(formula[-2], data))) put(text, name, "column", 1)
  random <- as.formula(paste(in_r(text), "+ (1 | subject) + (1 | item)"))
  summarised(text, suppressMessages(lmer(random, data, control = linear)))
}
slopes <- lmer(rt ~ a * b + x + (1 + a | subject) + (1 | item), data, control = linear)
summarised("slopes", slopes)
answers <- glmer(correct ~ a * x + (1 | subject), data, family = binomial, control = logistic)
summarised("answers", answers)
nested <- lmer(rt ~ a + (1 | b / item) + (1 | subject:a), data, control = linear)
summarised("nested", nested)
means <- function(case, table) {
  table <- as.data.frame(table)
  keys <- intersect(c("a", "b", "contrast"), colnames(table))
  names <- do.call(paste, c(lapply(table[keys], as.character), sep = "|"))
  for (row in seq_len(nrow(table))) {
    for (column in setdiff(colnames(table), keys)) put(case, names[row], column, table[row, column])
  }
}
emm_options(lmer.df = "satterthwaite")
both <- function(grid) summary(grid, infer = c(TRUE, TRUE), adjust = "none")
means("means a", both(emmeans(slopes, "a")))
means("means a b", both(emmeans(slopes, c("a", "b"))))
means("means b at x = 3", both(emmeans(slopes, "b", at = list(x = 3))))
means("contrasts b", both(pairs(emmeans(slopes, "b"))))
means("contrasts b holm", summary(pairs(emmeans(slopes, "b")), adjust = "holm"))
means("contrasts a by b", both(pairs(emmeans(slopes, c("a", "b")), by = "b")))
means("interaction", both(contrast(emmeans(slopes, c("a", "b")), list(x = c(1, -1, -1, 1, 0, 0)))))
means("answers a", both(emmeans(answers, "a")))
means("answers probabilities", summary(emmeans(answers, "a"), type = "response"))
means("contrasts answers", both(pairs(emmeans(answers, "a"))))
data$two <- ifelse(data$a == "easy", -0.5, 1)
means("two numbers", both(emmeans(lmer(rt ~ two * b + (1 | subject) + (1 | item), data, control = linear), "b")))
write.csv(out, file.path(here, "formulas.csv"), row.names = FALSE)
writeLines(capture.output(sessionInfo()), file.path(here, "formulas-session.txt"))
