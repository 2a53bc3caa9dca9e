# Writes tests/r/reference.csv and session.txt; run in the repository after `python -m tests.r.simulate`:
#   Rscript tests/r/reference.R
suppressMessages({library(lme4); library(lmerTest)})
here <- "tests/r"
reading <- read.csv(file.path(here, "reading.csv"))
factorial <- read.csv(file.path(here, "factorial.csv"), stringsAsFactors = TRUE)
out <- NULL
put <- function(case, term, quantity, value) {
  out <<- rbind(out, data.frame(case = case, term = term, quantity = quantity, value = sprintf("%.12g", value)))
}
fixed <- function(case, model) {
  table <- coef(summary(model))
  for (term in rownames(table)) for (column in colnames(table)) put(case, term, column, table[term, column])
  components <- as.data.frame(VarCorr(model))
  for (row in seq_len(nrow(components))) {
    c <- components[row, ]
    name <- paste(c$grp, c$var1, c$var2, sep = "|")
    put(case, name, if (is.na(c$var2)) "variance" else "covariance", c$vcov)
  }
  put(case, "model", "logLik", as.numeric(logLik(model)))
  put(case, "model", "AIC", AIC(model))
}
# tighter than lme4's defaults, whose variances are exact to about 1e-4 only
tight <- list(rhoend = 1e-10, maxfun = 1e5)
linear <- lmerControl(optimizer = "bobyqa", optCtrl = tight)
logistic <- glmerControl(optimizer = "bobyqa", optCtrl = tight, tolPwrss = 1e-12)
full <- lmer(time ~ condition + (1 + condition | subject) + (1 + condition | item), reading, control = linear)
fixed("maximal", full)
fixed("maximal_ml", update(full, REML = FALSE))
fixed("uncorrelated", lmer(time ~ condition + frequency + (1 + condition || subject) + (1 | item), reading,
  control = linear))
smaller <- lmer(time ~ 1 + (1 + condition | subject) + (1 + condition | item), reading, REML = FALSE,
  control = linear)
test <- anova(smaller, update(full, REML = FALSE))
put("ratio", "condition", "chisq", test$Chisq[2])
put("ratio", "condition", "df", test$Df[2])
put("ratio", "condition", "p", test$`Pr(>Chisq)`[2])
fixed("binomial", glmer(correct ~ condition + (1 | subject) + (1 | item), reading, family = binomial,
  control = logistic))

wide <- with(factorial, tapply(time, list(subject, grammatical, attractor), mean))
effect <- apply(wide, 1, function(cell) (cell["no", "same"] + cell["no", "other"] - cell["yes", "same"] - cell["yes", "other"]) / 2)
interaction <- apply(wide, 1, function(cell) (cell["no", "other"] - cell["no", "same"]) - (cell["yes", "other"] - cell["yes", "same"]))
for (name in c("effect", "interaction")) {
  test <- t.test(get(name))
  put("t", name, "estimate", test$estimate)
  put("t", name, "t", test$statistic)
  put("t", name, "df", test$parameter)
  put("t", name, "p", test$p.value)
  put("t", name, "low", test$conf.int[1])
  put("t", name, "high", test$conf.int[2])
}
anova <- summary(aov(time ~ grammatical * attractor + Error(subject / (grammatical * attractor)), factorial))
for (name in c("grammatical", "attractor", "grammatical:attractor")) {
  table <- anova[[paste0("Error: subject:", name)]][[1]]
  put("aov", name, "F", table$`F value`[1])
  put("aov", name, "df", table$Df[1])
  put("aov", name, "df_error", table$Df[2])
  put("aov", name, "p", table$`Pr(>F)`[1])
}
p <- c(0.001, 0.012, 0.013, 0.04, 0.2, 0.7)
for (method in c("holm", "BH")) {
  adjusted <- p.adjust(p, method)
  for (i in seq_along(p)) put("adjust", as.character(i), method, adjusted[i])
}
times <- reading$time[1:60]; frequency <- reading$frequency[1:60]
for (method in c("pearson", "spearman", "kendall")) {
  test <- suppressWarnings(cor.test(times, frequency, method = method, exact = FALSE))
  put("cor", method, "r", test$estimate)
  put("cor", method, "p", test$p.value)
}
write.csv(out, file.path(here, "reference.csv"), row.names = FALSE, quote = FALSE)
writeLines(capture.output(sessionInfo()), file.path(here, "session.txt"))
